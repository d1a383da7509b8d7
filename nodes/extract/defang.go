package extract

import (
	"bytes"
	"cmp"
	"slices"

	"sluice/nodes"
	"sluice/recipe"
)

// Defang makes addresses in text harmless.
var Defang = nodes.Define(nodes.Spec{
	Kind:     "defang",
	Category: "extract",
	Summary:  "Makes the URLs, domains, IP and e-mail addresses in a string harmless",
	Doc: "What `extract_urls`, `extract_emails`, `extract_ips` and `extract_domains` would find is written so that nothing links to it: " +
		"`http` becomes `hxxp` and `ftp` `fxp`, the `://` of `ws` becomes `[://]`, the dots of a host or an address become `[.]`, the colons of an IPv6 address `[:]`, an `@` `[@]`. " +
		"The path and query of a URL stay, but for URLs in them. A string that is nothing but a host name is taken for one whatever its suffix. `refang` takes it back.",
	In:      []nodes.Port{{Name: "in", Type: recipe.String}},
	Out:     []nodes.Port{{Name: "out", Type: recipe.String}},
	Expands: true,
	Examples: []nodes.Example{
		{
			In:  []any{"get http://www.example.com/a.b?c=d now", "10.0.0.1 and bob@mail.example.org", "2001:db8::1"},
			Out: []any{"get hxxp://www[.]example[.]com/a.b?c=d now", "10[.]0[.]0[.]1 and bob[@]mail[.]example[.]org", "2001[:]db8[:][:]1"},
		},
		{
			Doc: "a URL in a URL, and an address of IPv6 as a host",
			In:  []any{"http://a.com/?next=http://evil.com/x.y", "http://[2001:db8::1]:80/x"},
			Out: []any{"hxxp://a[.]com/?next=hxxp://evil[.]com/x.y", "hxxp://[2001[:]db8[:][:]1]:80/x"},
		},
		{
			Doc: "what is harmless already stays, or is completed",
			In:  []any{"hxxp://a[.]com/b.com", "see hxxps://a.com/?u=http://b.com and ws[://]c[.]com/d.com"},
			Out: []any{"hxxp://a[.]com/b.com", "see hxxps://a[.]com/?u=hxxp://b[.]com and ws[://]c[.]com/d.com"},
		},
		{
			Doc: "a host name of a network's own, and text without an address",
			In:  []any{"_ldap._tcp.dc.corp.local", "nothing. Here: 12:30", ""},
			Out: []any{"_ldap[.]_tcp[.]dc[.]corp[.]local", "nothing. Here: 12:30", ""},
		},
	},
}, func(struct{}, *nodes.Env) (any, error) { return &defang{}, nil })

type defang struct {
	spans []span
	finds []find
	out   []byte
}

// find is a place to be defanged.
type find struct {
	span
	as func(dst, find []byte) []byte
}

// Process implements nodes.Processor.
func (d *defang) Process(c *nodes.Call, r nodes.Record) error {
	d.out = d.append(d.out[:0], r.Bytes())
	c.Emit(nodes.StringRecord(d.out))
	if cap(d.out) > recipe.InlineBytes {
		*d = defang{}
	}
	return nil
}

func (d *defang) append(dst, text []byte) []byte {
	if isHostOnly(text) {
		return defangDots(dst, text)
	}
	d.finds = d.finds[:0]
	// The first to claim a place keeps it: the stable sort leaves a URL before the domain in it.
	for _, sort := range []struct {
		find finder
		as   func(dst, find []byte) []byte
	}{{findURLs, defangURL}, {findDefanged, defangRest}, {findEmails, defangDots}, {findIPs, defangAddress}, {findDomains, defangDots}} {
		d.spans = sort.find(d.spans[:0], text)
		for _, s := range d.spans {
			d.finds = append(d.finds, find{s, sort.as})
		}
	}
	slices.SortStableFunc(d.finds, func(a, b find) int { return cmp.Compare(a.start, b.start) })
	last := 0
	for _, f := range d.finds {
		if f.start < last {
			continue
		}
		dst = append(dst, text[last:f.start]...)
		dst = f.as(dst, text[f.start:f.end])
		last = f.end
	}
	return append(dst, text[last:]...)
}

// isHostOnly reports whether a text is one name with dots, not a number.
func isHostOnly(text []byte) bool {
	letter := false
	for _, b := range text {
		if !nameByte[b] {
			return false
		}
		letter = letter || alnum[b] && b > '9'
	}
	return letter && isName(bytes.TrimSuffix(text, []byte(".")))
}

// defangURL also goes into the URLs that a URL carries in its path or query.
func defangURL(dst, url []byte) []byte {
	for {
		host := bytes.Index(url, []byte("://")) + 3
		next, _, more := nextURL(url, host)
		if !more {
			next = len(url)
		}
		end := next
		if k := bytes.IndexAny(url[host:next], "/?#"); k >= 0 {
			end = host + k
		}
		dst = defangScheme(dst, url[:host])
		dst = defangHost(dst, url[host:end])
		dst = append(dst, url[end:next]...)
		if !more {
			return dst
		}
		url = url[next:]
	}
}

// defangScheme writes a scheme with its ://.
func defangScheme(dst, scheme []byte) []byte {
	if scheme[0] == 'w' || scheme[0] == 'W' {
		return append(append(dst, scheme[:len(scheme)-3]...), "[://]"...)
	}
	for i, b := range scheme {
		if i > 0 && (b == 't' || b == 'T') {
			b += 'x' - 't'
		}
		dst = append(dst, b)
	}
	return dst
}

// defangHost writes a host with what may stand before and behind it; an IPv6 address is
// in brackets there.
func defangHost(dst, host []byte) []byte {
	open := bytes.IndexByte(host, '[')
	closing := bytes.LastIndexByte(host, ']')
	if open < 0 || closing < open {
		return defangDots(dst, host)
	}
	dst = append(defangDots(dst, host[:open]), '[')
	dst = append(defangAddress(dst, host[open+1:closing]), ']')
	return defangDots(dst, host[closing+1:])
}

func defangDots(dst, name []byte) []byte {
	for _, b := range name {
		if b == '.' || b == '@' {
			dst = append(dst, '[', b, ']')
		} else {
			dst = append(dst, b)
		}
	}
	return dst
}

func defangAddress(dst, address []byte) []byte {
	for _, b := range address {
		if b == '.' || b == ':' {
			dst = append(dst, '[', b, ']')
		} else {
			dst = append(dst, b)
		}
	}
	return dst
}
