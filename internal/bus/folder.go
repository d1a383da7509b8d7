package bus

// HoldFolder takes a folder for this process until release is called, as a server takes the one
// that it stores in: another server there, or holder of it, fails with ErrLocked meanwhile.
func HoldFolder(dir string) (release func(), err error) {
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	return func() { lock.Close() }, nil
}
