package natsconf

import (
	"fmt"
	"strconv"
	"strings"
)

// Account is a NATS account: subjects, streams and limits that no other account sees.
type Account struct {
	Name   string // one token: letters, digits, - and _
	Users  []User
	Limits Limits
	System bool // the account in which servers tell of themselves; it stores nothing
}

// Limits bound what an account may store. 0 is no bound but the server's.
type Limits struct {
	Store     int64 `json:"store,omitempty"`     // bytes of files
	Memory    int64 `json:"memory,omitempty"`    // bytes of memory
	Streams   int   `json:"streams,omitempty"`   // a job has four to six
	Consumers int   `json:"consumers,omitempty"` // a job has about one a step, and its readers
}

// User may connect to an account, by the NKey whose public part is NKey, or by name and
// password.
type User struct {
	NKey     string // U…; or:
	Name     string
	Password string // as it is, or as a bcrypt hash
	Role     Role   // says what it may do; "" for everything in its account
}

// Render writes accounts as a part of a nats-server configuration.
func Render(accounts []Account) (string, error) {
	var b strings.Builder
	b.WriteString("accounts {\n")
	system := ""
	for _, a := range accounts {
		if !IsName(a.Name) {
			return "", fmt.Errorf("account %q: want letters, digits, - and _, at most %d", a.Name, maxName)
		}
		if a.System {
			system = a.Name
		}
		if err := a.render(&b); err != nil {
			return "", fmt.Errorf("account %s: %w", a.Name, err)
		}
	}
	b.WriteString("}\n")
	if system != "" {
		fmt.Fprintf(&b, "system_account: %s\n", strconv.Quote(system))
	}
	return b.String(), nil
}

func (a *Account) render(b *strings.Builder) error {
	fmt.Fprintf(b, "  %s {\n", strconv.Quote(a.Name))
	if !a.System {
		fmt.Fprintf(b, "    jetstream { %s }\n", a.Limits.text())
	}
	b.WriteString("    users: [\n")
	for _, u := range a.Users {
		if err := u.render(b); err != nil {
			return err
		}
	}
	b.WriteString("    ]\n  }\n")
	return nil
}

// text writes the limits; -1 is none.
func (l Limits) text() string {
	or := func(n int64) int64 {
		if n <= 0 {
			return -1
		}
		return n
	}
	return fmt.Sprintf("max_file: %d, max_mem: %d, max_streams: %d, max_consumers: %d",
		or(l.Store), or(l.Memory), or(int64(l.Streams)), or(int64(l.Consumers)))
}

func (u *User) render(b *strings.Builder) error {
	switch {
	case u.NKey != "" && u.Name == "":
		if !IsName(u.NKey) || u.NKey[0] != 'U' {
			return fmt.Errorf("user: an NKey of a user begins with U, this is %q", u.NKey)
		}
		fmt.Fprintf(b, "      { nkey: %s", u.NKey)
	case u.NKey == "" && u.Name != "" && u.Password != "":
		if strings.ContainsFunc(u.Name+u.Password, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' }) {
			return fmt.Errorf("user: a name and a password have no quotes, backslashes and control characters")
		}
		fmt.Fprintf(b, `      { user: "%s", password: "%s"`, u.Name, u.Password)
	default:
		return fmt.Errorf("user %q: want either an NKey, or a name and a password", u.Name)
	}
	if u.Role == "" {
		b.WriteString(" }\n")
		return nil
	}
	g := GrantsOf(u.Role)
	if len(g.Publish) == 0 {
		return fmt.Errorf("user: there is no role %q", u.Role)
	}
	fmt.Fprintf(b, ", permissions: { # %s\n", u.Role)
	b.WriteString("        publish: {\n")
	list(b, "allow", g.Publish)
	list(b, "deny", g.Deny)
	b.WriteString("        }\n        subscribe: {\n")
	list(b, "allow", g.Subscribe)
	b.WriteString("        }\n      } }\n")
	return nil
}

func list(b *strings.Builder, name string, table []Grant) {
	if len(table) == 0 {
		return
	}
	fmt.Fprintf(b, "          %s: [\n", name)
	for _, g := range table {
		fmt.Fprintf(b, "            %-36s # %s\n", strconv.Quote(g.Subject), g.Why)
	}
	b.WriteString("          ]\n")
}

// maxName bounds the name of an account, and of a project.
const maxName = 64

// IsName reports whether a text may be the name of an account or a project.
func IsName(s string) bool {
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}
