package settings

import (
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
)

const pageHead = `# Configuration

The services ` + "`sluice coordinator`, `sluice worker` and `sluice up`" + ` are told what to do by flags, by
variables of the environment and by a YAML file. All three have the same names, and the first
of these that says something holds: flag, variable, file, default.

- **Flag**: ` + "`--log-level debug`" + `. A list is given with commas, or by a flag several times.
- **Variable**: ` + "`SLUICE_LOG_LEVEL=debug`" + `; a list has commas. An empty variable is not set.
- **File**: ` + "`--config FILE`, or `SLUICE_CONFIG`" + `. It is strict: a name that is no setting of the
  service and a value of another type are errors, with their line and column.

` + "```yaml" + `
nats: [tls://nats-1.example.org:4222, tls://nats-2.example.org:4222]
nats-creds: /etc/sluice/coordinator.creds
log-format: json
listen: 0.0.0.0:8420
tls-listen-cert: /etc/sluice/api.pem
tls-listen-key: /etc/sluice/api.key
` + "```" + `

Secrets are given by file and never by value: no setting holds one, and a URL with a user, a
password or a token is refused. ` + "`sluice config check FILE --for coordinator`" + ` prints what would
hold and where each value comes from; it exits with 3 and all faults when something is wrong: a value
out of its range, a file that is not there, an address that the start would refuse, a kind that there is not.
A start looks at the same before anything runs, and exits with 3 too. Both warn of a variable that
looks like a setting and is none, as SLUICE_MAX_RUNING.

Nothing listens where other machines can reach it without TLS (1.2 or later), unless
` + "`insecure-listen`" + ` says so, and then that is logged.

Traces go out only when ` + "`otlp-endpoint`" + ` is set. The exporter reads the headers and the timeout of
the standard variables, ` + "`OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_EXPORTER_OTLP_TIMEOUT`" + `, too.

<!-- Written by make generate from cmd/sluice/settings. -->
`

// Page writes docs/configuration.md.
func Page(w io.Writer) error {
	var b strings.Builder
	b.WriteString(pageHead)
	for _, s := range Services {
		_, flags, err := model(s)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n## sluice %s\n", s)
		group := ""
		for _, g := range groupsOf(flags) {
			for _, f := range flags {
				if f.Group == nil || f.Group.Key != g {
					continue
				}
				if g != group {
					fmt.Fprintf(&b, "\n### %s\n\n| setting | value | default | |\n|---|---|---|---|\n", strings.TrimSuffix(g, ":"))
					group = g
				}
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, form(f), initial(f), explained(f))
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// groupsOf returns the groups in the order in which they first come.
func groupsOf(flags []*kong.Flag) []string {
	var all []string
	seen := map[string]bool{}
	for _, f := range flags {
		if f.Group != nil && !seen[f.Group.Key] {
			seen[f.Group.Key] = true
			all = append(all, f.Group.Key)
		}
	}
	return all
}

// form says what a setting's value looks like.
func form(f *kong.Flag) string {
	t := f.Target.Type()
	many := ""
	if t.Kind() == reflect.Slice {
		t, many = t.Elem(), "list of "
	}
	switch {
	case t.Kind() == reflect.Bool:
		return "true or false"
	case f.Enum != "":
		return "`" + strings.Join(f.EnumSlice(), "` `") + "`"
	case f.PlaceHolder != "":
		return many + strings.ReplaceAll(f.PlaceHolder, "|", `\|`)
	}
	return many + wanted(f)
}

func initial(f *kong.Flag) string {
	if f.Default == "" || f.Default == "false" {
		return ""
	}
	return "`" + f.Default + "`"
}

func explained(f *kong.Flag) string {
	text := strings.ReplaceAll(f.Help, "|", `\|`)
	if also := f.Tag.Get("also"); also != "" {
		text += " `" + also + "` is read as well."
	}
	return text
}
