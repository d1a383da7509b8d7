package bus

import (
	"context"
	"fmt"
)

// ChangeStream gives a stream that exists other bounds; what is beyond them goes at once. What
// it is kept on, and whether it is a work queue, can't be changed: that is an error.
func (c *Conn) ChangeStream(ctx context.Context, s StreamConfig) error {
	if err := c.api(ctx, "STREAM.UPDATE."+s.Name, s.wire(), nil); err != nil {
		return fmt.Errorf("change stream %s: %w", s.Name, err)
	}
	return nil
}
