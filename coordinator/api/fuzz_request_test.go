package api_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"sluice/coordinator"
)

// request makes the request, and a text of it for people.
func (f *fuzzer) request(ctx context.Context, g *generator, o *operation) (*http.Request, string) {
	path, query, header := o.path, []string{}, http.Header{}
	for i := range o.Parameters {
		p := &o.Parameters[i]
		if !p.Required && g.IntN(3) > 0 {
			continue
		}
		switch v := g.parameter(p); p.In {
		case "path":
			path = strings.Replace(path, "{"+p.Name+"}", url.PathEscape(v), 1)
		case "query":
			for range 1 + g.IntN(20)/19 {
				query = append(query, url.QueryEscape(p.Name)+"="+url.QueryEscape(v))
			}
		case "header":
			header.Set(p.Name, fit(v))
		}
	}
	if g.IntN(40) == 0 {
		query = append(query, url.QueryEscape(pick(g, wildTexts))+"="+url.QueryEscape(g.mark))
	}
	body := f.body(g, o, header)
	method := o.method
	if g.IntN(30) == 0 {
		method = pick(g, []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"})
	}
	f.headers(g, header)
	at := f.http.URL + path
	if len(query) > 0 {
		at += "?" + strings.Join(query, "&")
	}
	var r io.Reader = bytes.NewReader(body)
	if g.IntN(10) == 0 {
		r = struct{ io.Reader }{r} // in chunks
	}
	req, err := http.NewRequestWithContext(ctx, method, at, r)
	if err != nil {
		f.t.Errorf("a request can't be made: %v", err)
		return nil, ""
	}
	req.Header = header
	return req, fmt.Sprintf("%s %s %v %.400s", method, at[len(f.http.URL):], header, body)
}

// fit makes a text one that the client sends as a header.
func fit(v string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, v), " ")
}

func (f *fuzzer) body(g *generator, o *operation, header http.Header) []byte {
	if o.Body == nil {
		if g.IntN(50) > 0 {
			return nil
		}
		return []byte(`{"x":"` + g.mark + `"}`)
	}
	var body []byte
	for kind, content := range o.Body.Content {
		header.Set("Content-Type", kind)
		switch kind {
		case "application/json":
			v := g.value("", content.Schema, 0)
			if good := f.bodies[o.ID]; good != "" && g.IntN(2) == 0 {
				v = g.changed(good, content.Schema)
			}
			if m, ok := v.(map[string]any); ok && o.ID == "set-secret" && g.IntN(3) > 0 {
				m["value"] = g.mark
			}
			body, _ = json.Marshal(v) // a wild number may not be JSON: then there is no body
		default:
			if body = []byte(f.bodies[o.ID]); len(body) == 0 || g.IntN(5) == 0 {
				body = []byte(strings.Repeat(g.letters(10), g.IntN(50)))
			}
		}
	}
	switch n := g.IntN(400); {
	case n < 40:
		body = g.damaged(bytes.Clone(body))
	case n == 41:
		body = []byte(`{"value":"` + strings.Repeat(g.mark, (5<<20)/len(g.mark)) + `"}`)
	case n < 50:
		header.Set("Content-Type", pick(g, []string{"", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "multipart/form-data", "application/cbor", fit(pick(g, wildTexts)), "application/merge-patch+json"}))
	}
	return body
}

// headers adds what goes with a request, and now and then what should not.
func (f *fuzzer) headers(g *generator, header http.Header) {
	role := coordinator.Admin
	if g.IntN(8) == 0 {
		role = pick(g, coordinator.Roles)
	}
	header.Set("Authorization", "Bearer "+f.keys[role])
	switch g.IntN(60) {
	case 0:
		header.Del("Authorization")
	case 1:
		header.Set("Authorization", "Bearer "+g.mark)
	case 2:
		header.Set("Authorization", fit(pick(g, wildTexts)))
	case 3:
		header.Set("Authorization", "Bearer "+f.keys[role][:12]+g.mark)
	case 4:
		header.Set("Accept", pick(g, []string{"text/html", "application/cbor", "*/*;q=0", fit(pick(g, wildTexts)), "application/json;q=x"}))
	case 5, 6:
		header.Set("Accept-Encoding", pick(g, []string{"gzip", "gzip;q=0", "br, zstd, *", "identity;q=0", fit(pick(g, wildTexts))}))
	case 7:
		header.Set("X-Request-Id", fit(pick(g, wildTexts)))
	case 8:
		header.Set("Range", pick(g, []string{"bytes=0-", "bytes=-1", "bytes=5-2", "bytes=0-0,2-2", "x=1", "bytes=99999999999999999999-"}))
	case 9:
		header.Set("Content-Encoding", pick(g, []string{"gzip", "br", "x"}))
	case 10:
		header.Set("Expect", "100-continue")
	case 11:
		header.Set("If-Modified-Since", pick(g, []string{"Mon, 01 Jan 2040 00:00:00 GMT", "x"}))
	case 12:
		header.Set(pick(g, []string{"Origin", "Referer", "X-Forwarded-For", "Traceparent", "X-Http-Method-Override", "Upgrade", "Prefer"}), fit(pick(g, wildTexts)))
	}
}

// slow names the slowest routes, with their slowest request.
func (f *fuzzer) slow(n int) string {
	names := slices.SortedFunc(maps.Keys(f.slowest), func(a, b string) int { return cmp.Compare(f.slowest[b], f.slowest[a]) })
	var all []string
	for _, name := range names[:min(n, len(names))] {
		all = append(all, fmt.Sprint(name, " ", f.slowest[name].Round(time.Millisecond)))
	}
	return strings.Join(all, ", ")
}
