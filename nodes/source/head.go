package source

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"

	"sluice/nodes"
)

// headBytes are the bytes of a file that a job knows it by.
const headBytes = 4096

// head is how a file began when it was cut into pieces. A file that only grows keeps it;
// one that was put in its place, as when a log is rotated, seldom does.
type head struct {
	Bytes int    `json:"bytes"` // fewer than headBytes of a shorter file
	Sum   string `json:"sum"`
}

func headOf(begin []byte) *head {
	sum := sha256.Sum256(begin)
	return &head{len(begin), hex.EncodeToString(sum[:8])}
}

// check refuses a file that does not begin as it did: its records would be mixed with those
// that the job has already read.
func (h *head) check(file io.ReaderAt) error {
	if h == nil {
		return nil
	}
	begin := make([]byte, h.Bytes)
	n, err := file.ReadAt(begin, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if *headOf(begin[:n]) != *h {
		return nodes.Permanentf("it is not the file that this job began with: its first %d bytes differ; a new job reads it as it is", h.Bytes)
	}
	return nil
}
