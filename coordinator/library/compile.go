package library

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"sluice/coordinator"
	"sluice/coordinator/compile"
	"sluice/recipe"
)

// Compile makes a plan of a source, as the command line does of a file. Values for parameters are
// those of JSON; a text stands for a value of any type, as behind -p. The plan says which
// versions of saved recipes are in it. It waits for its turn, see Turns. Diagnostics are of the recipe, an error of the store or
// of values that can be none.
func (l *Library) Compile(ctx context.Context, s Source, params map[string]any, seed uint64) (*recipe.Plan, recipe.Diagnostics, error) {
	texts, err := paramTexts(params)
	if err != nil {
		return nil, nil, err
	}
	turn, end, err := l.Turn(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer end()
	r := l.resolver(turn, s)
	plan, found := compile.Compile(s.Label, []byte(s.Text), compile.Options{Catalogue: l.cfg.Catalogue(), Params: texts, Load: r.load, Seed: seed, Frame: l.cfg.Frame,
		Decoded: r.decoded, Stop: r.late})
	if err := r.failed(); err != nil {
		return nil, nil, err
	}
	if len(found) == 0 {
		found = l.unfit(s, r.doc, plan, texts)
	}
	if len(found) > 0 {
		return nil, found, nil
	}
	for ref, digest := range r.found {
		plan.Saved = append(plan.Saved, recipe.Saved{Name: ref.Name, Version: ref.Version, Digest: digest})
	}
	slices.SortFunc(plan.Saved, func(a, b recipe.Saved) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	plan.Recipe = cmp.Or(plan.Recipe, s.Name)
	return plan, nil, nil
}

// Check finds the faults of a source. It may be a part for others, and its parameters may be
// without values.
func (l *Library) Check(ctx context.Context, s Source) (compile.Summary, recipe.Diagnostics, error) {
	r := l.resolver(ctx, s)
	summary, found, err := r.check(ctx)
	if err == nil && len(found) == 0 {
		found = stdinOf(s, r.doc)
	}
	return summary, found, err
}

func (r *resolver) check(ctx context.Context) (compile.Summary, recipe.Diagnostics, error) {
	turn, end, err := r.l.Turn(ctx)
	if err != nil {
		return compile.Summary{}, nil, err
	}
	defer end()
	r.ctx = turn
	summary, found := compile.Check(r.top.Label, []byte(r.top.Text), compile.Options{Catalogue: r.l.cfg.Catalogue(), Load: r.load, Unvalued: true,
		Decoded: r.decoded, Stop: r.late})
	return summary, found, r.failed()
}

// used returns what the document at the top includes itself, sorted.
func (r *resolver) used() []string {
	var all []string
	for ref := range r.uses {
		all = append(all, ref.String())
	}
	slices.Sort(all)
	return all
}

// there returns what of that there was.
func (r *resolver) there() []string {
	return slices.DeleteFunc(r.used(), func(text string) bool {
		ref, err := ParseRef(text)
		if err == nil {
			_, err = r.head(ref.Name).find(ref)
		}
		return err != nil
	})
}

// refused is the fault of a recipe that does not compile.
func refused(what string, found recipe.Diagnostics) error {
	text := fmt.Sprintf("%s has %d faults", what, len(found))
	if len(found) == 1 {
		text = what + " has a fault"
	}
	return &coordinator.Fault{Family: coordinator.Refused, Text: text, Found: found}
}

// Bounds on values for parameters.
const (
	maxParams     = 256
	maxParamBytes = 256 << 10 // of all together
)

// paramTexts renders values as -p has them: a text as it is, anything else as JSON.
func paramTexts(params map[string]any) (map[string]string, error) {
	if len(params) > maxParams {
		return nil, coordinator.Faultf(coordinator.TooLarge, "%d values are given for parameters; at most %d may be", len(params), maxParams)
	}
	texts, size := make(map[string]string, len(params)), 0
	for name, v := range params {
		text, is := v.(string)
		if !is {
			b, err := jsonText(v)
			if err != nil {
				return nil, coordinator.Faultf(coordinator.Invalid, "the value of the parameter %q can't be written as JSON: %w", clip(name, MaxName), err)
			}
			text = b
		}
		texts[name] = text
		if size += len(name) + len(text); size > maxParamBytes {
			return nil, coordinator.Faultf(coordinator.TooLarge, "the values for parameters have more than %d bytes together", maxParamBytes)
		}
	}
	return texts, nil
}

// jsonText renders a value as JSON. A raw text is taken out of its quotes.
func jsonText(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	raw := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	var text string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	return string(raw), nil
}
