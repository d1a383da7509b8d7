package compile

func (c *compilation) testNodes()   {}
func (c *compilation) testRecords() {}
