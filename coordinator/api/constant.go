package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
)

// descriptionPath begins the paths of the API's description, which is the same as long as the process
// lives.
const descriptionPath = "/v1/openapi"

// constant is an answer that is always the same.
type constant struct {
	header http.Header
	body   bytes.Buffer
	tag    string
}

// Header implements http.ResponseWriter.
func (c *constant) Header() http.Header { return c.header }

// WriteHeader implements http.ResponseWriter.
func (c *constant) WriteHeader(int) {}

// Write implements http.ResponseWriter.
func (c *constant) Write(b []byte) (int, error) { return c.body.Write(b) }

// constant serves what never changes, with an ETag: who knows it gets 304. There are as many such
// answers as there are paths of the description.
func (s *server) constant(w http.ResponseWriter, r *http.Request) {
	made, known := s.constants.Load(r.URL.Path)
	if !known {
		c := &constant{header: http.Header{}}
		s.mux.ServeHTTP(c, r)
		sum := sha256.Sum256(c.body.Bytes())
		c.tag = strconv.Quote(hex.EncodeToString(sum[:8]))
		made, _ = s.constants.LoadOrStore(r.URL.Path, c)
	}
	c := made.(*constant)
	w.Header().Set("ETag", c.tag)
	w.Header().Set("Cache-Control", "no-cache") // it may be kept, and is asked for each time
	if none := r.Header.Get("If-None-Match"); none != "" && sameTag(none, c.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", c.header.Get("Content-Type"))
	_, _ = w.Write(c.body.Bytes()) // the caller is gone
}
