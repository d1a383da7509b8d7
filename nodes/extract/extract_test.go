package extract

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func findsOf(find finder, text string) string {
	var all []string
	for _, s := range find(nil, []byte(text)) {
		all = append(all, text[s.start:s.end])
	}
	return strings.Join(all, " ")
}

func TestFinds(t *testing.T) {
	for _, row := range []struct {
		find     finder
		in, want string
	}{
		{findIPs, "src:10.0.0.1:80 dst=fe80::1%eth0", "10.0.0.1 fe80::1"},
		{findIPs, "[::1]:80 ::ffff:10.0.0.1 1:: 1::/16", "::1 ::ffff:10.0.0.1 1::"},
		{findIPs, "10.0.0.0/8, 10.0.0.1-10.0.0.9; 10.0.0.1:http", "10.0.0.0 10.0.0.1 10.0.0.9 10.0.0.1"},
		{findIPs, "src:fe80::1 Add:1.2.3.4:80 :: ::. 1.2.3.4abcx", "fe80::1 1.2.3.4"},
		{findIPs, "ends with 2001:db8::1: and 2001:db8::2. x10.0.0.1 010.0.0.1", "2001:db8::1 2001:db8::2"},
		{findURLs, "HTTP://A.example:80/?q=[1], ws://x http://http://b.example", "HTTP://A.example:80/?q=[1] ws://x http://http://b.example"},
		{findURLs, "http://[::1]/x http://é.example/ü http:///x http://...", "http://[::1]/x http://é.example/ü"},
		{findURLs, "(http://a.example/b)c)", "http://a.example/b)c"},
		{findDomains, "a.com. -b.com- _dmarc.example.com x..com ..d.org..", "a.com b.com _dmarc.example.com d.org"},
		{findDomains, "é.com xé.com " + strings.Repeat("a", 64) + ".com foo.github.io github.io", "foo.github.io"},
		{findEmails, "a@b@c.example.com .x@y.com a@b.c a@b.c1 a@-b.com", "b@c.example.com x@y.com"},
		{findEmails, "a@b.com@c.com " + strings.Repeat("x", 65) + "@d.com", "a@b.com"},
	} {
		if got := findsOf(row.find, row.in); got != row.want {
			t.Errorf("%q: got %q, want %q", row.in, got, row.want)
		}
	}
}

func addressGen() *rapid.Generator[string] {
	label := rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?`)
	host := rapid.Custom(func(t *rapid.T) string {
		labels := rapid.SliceOfN(label, 1, 3).Draw(t, "labels")
		return strings.Join(labels, ".") + rapid.SampledFrom([]string{".com", ".co.uk", ".org", ".local"}).Draw(t, "suffix")
	})
	ip := rapid.Custom(func(t *rapid.T) string {
		if rapid.Bool().Draw(t, "v4") {
			return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "ip"))).String()
		}
		return netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "ip"))).String()
	})
	return rapid.Custom(func(t *rapid.T) string {
		h := host.Draw(t, "host")
		switch rapid.IntRange(0, 3).Draw(t, "sort") {
		case 0:
			return ip.Draw(t, "ip")
		case 1:
			return rapid.StringMatching(`[a-z0-9_+]{1,8}`).Draw(t, "local") + "@" + h
		case 2:
			scheme := rapid.SampledFrom([]string{"http", "HTTPS", "ftp", "ftps", "wss", "Http"}).Draw(t, "scheme")
			return scheme + "://" + h + rapid.StringMatching(`(:[0-9]{1,4})?(/[a-z0-9.%=&?-]{0,8})?`).Draw(t, "path")
		}
		return h
	})
}

func TestDefangAndRefang(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := strings.Join(rapid.SliceOfN(addressGen(), 1, 4).Draw(t, "addresses"), rapid.SampledFrom([]string{" ", ", ", "\n", "; "}).Draw(t, "between"))
		var d defang
		harmless := d.append(nil, []byte(in))
		for _, find := range []finder{findURLs, findEmails, findIPs} {
			if left := findsOf(find, string(harmless)); left != "" {
				t.Fatalf("defanging %q left %q in %q", in, left, harmless)
			}
		}
		if got := string(appendRefanged(nil, harmless)); got != in {
			t.Fatalf("got %q back from %q, want %q", got, harmless, in)
		}
		if twice := d.append(nil, harmless); !bytes.Equal(twice, harmless) {
			t.Fatalf("defanging %q again made %q of it", harmless, twice)
		}
	})
}

func FuzzExtract(f *testing.F) {
	f.Add([]byte("see http://[2001:db8::1]/x, bob@example.org and 10.0.0.1:22"))
	f.Add([]byte("hxxp[://]a[.]b(dot)c[at]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for i, find := range []finder{findIPs, findURLs, findDomains, findEmails} {
			last := 0
			for _, s := range find(nil, text) {
				if s.start < last || s.end <= s.start || s.end > len(text) {
					t.Fatalf("finder %d: %v after %d in %q", i, s, last, text)
				}
				last = s.end
			}
		}
		var d defang
		appendRefanged(nil, d.append(nil, text))
		appendRefanged(nil, text)
	})
}

// TestFindersAreLinear compares texts of which one is sixteen times as long: a finder that
// looks back over all of it would take 256 times as long.
func TestFindersAreLinear(t *testing.T) {
	const short = 64 << 10
	for _, part := range []string{"a.", "a@", "http://", "1:", "::", "hxxp", "[", "http://)", "a.com@"} {
		for i, find := range []func(text []byte){
			func(text []byte) { findIPs(nil, text) }, func(text []byte) { findURLs(nil, text) },
			func(text []byte) { findDomains(nil, text) }, func(text []byte) { findEmails(nil, text) },
			func(text []byte) { appendRefanged(nil, text) },
		} {
			one, many := fastest(find, part, short), fastest(find, part, 16*short)
			for again := 0; again < 5 && many > 80*one+20*time.Millisecond; again++ { // the machine was busy
				one, many = fastest(find, part, short), fastest(find, part, 16*short)
			}
			if many > 80*one+20*time.Millisecond {
				t.Errorf("finder %d takes %v for %d bytes of %q, and %v for 16 times as many", i, one, short, part, many)
			}
		}
	}
}

// fastest returns the best of three times, so that a busy machine does not count.
func fastest(find func([]byte), part string, size int) time.Duration {
	text := []byte(strings.Repeat(part, size/len(part)))
	best := time.Hour
	for range 3 {
		begin := time.Now()
		find(text)
		best = min(best, time.Since(begin))
	}
	return best
}
