package codec

import (
	"encoding/base64"
	"errors"

	"sluice/nodes"
)

// base64Config is the settings of both directions.
type base64Config struct {
	Alphabet string `json:"alphabet" doc:"std uses + and /, url uses - and _" default:"std" enum:"std|url"`
	Padding  bool   `json:"padding" doc:"whether = fills up the last four characters" default:"true"`
}

func (cfg base64Config) encoding() *base64.Encoding {
	e := base64.StdEncoding
	if cfg.Alphabet == "url" {
		e = base64.URLEncoding
	}
	if !cfg.Padding {
		e = e.WithPadding(base64.NoPadding)
	}
	return e
}

func newToBase64(cfg base64Config, _ *nodes.Env) (any, error) {
	e := cfg.encoding()
	return &rewriter{rewrite: func(dst, text []byte) ([]byte, error) { return e.AppendEncode(dst, text), nil }}, nil
}

func newFromBase64(cfg base64Config, _ *nodes.Env) (any, error) {
	e := cfg.encoding()
	return &rewriter{rewrite: func(dst, text []byte) ([]byte, error) {
		out, err := e.AppendDecode(dst, text)
		var at base64.CorruptInputError
		if errors.As(err, &at) {
			return nil, nodes.Permanentf("the string of %d bytes is not base64 (alphabet %s, padding %v) at offset %d",
				len(text), cfg.Alphabet, cfg.Padding, int64(at))
		}
		return out, nodes.Permanent(err)
	}}, nil
}
