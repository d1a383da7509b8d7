package bus

// Reconnects is how often the connection came back after it was lost.
func (c *Conn) Reconnects() uint64 { return c.nc.Stats().Reconnects }
