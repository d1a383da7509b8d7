package job

import "context"

// Opened is a coordinator that has read what is stored of a job, and has done nothing yet.
type Opened struct{ r *run }

func Open(ctx context.Context, c Config) (*Opened, error) {
	r, err := open(ctx, c)
	if err != nil {
		return nil, err
	}
	return &Opened{r}, nil
}

// Resume is the next that it does. reason is why it would make the job fail.
func (o *Opened) Resume(ctx context.Context) (reason string, err error) {
	defer o.r.pub.Close()
	err = o.r.resume(ctx)
	return o.r.reason, err
}

// PurgeAgain is a part of that.
func (o *Opened) PurgeAgain(ctx context.Context) error {
	defer o.r.pub.Close()
	return o.r.purgeAgain(ctx)
}
