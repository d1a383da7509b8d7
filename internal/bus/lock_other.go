//go:build !unix

package bus

import (
	"errors"
	"os"
)

// lockDir refuses: without a lock that ends with the process, two servers could
// write to one folder.
func lockDir(string) (*os.File, error) {
	return nil, errors.New("the embedded server needs a unix system")
}
