package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"sluice/coordinator"
	"sluice/coordinator/library"
)

type savedIn struct {
	Match string `query:"match" maxLength:"128" doc:"A part of the name or of the description."`
	After string `query:"after" maxLength:"128" doc:"The next of the page before."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Asked
}

type savedOut struct {
	Tag  string `header:"ETag"`
	Body coordinator.RecipePage
}

// NamePath names a saved recipe in a path. It is exported for the framework, which sees no other embedded fields.
type NamePath struct {
	Name string `path:"name" pattern:"^[a-z][a-z0-9_-]{0,63}$"`
}

// VersionIn names a version of a saved recipe. It is exported for the framework.
type VersionIn struct {
	NamePath
	Version int `query:"version" minimum:"0" doc:"0 is the latest."`
}

type showVersionIn struct {
	VersionIn
	Asked
}

type deleteVersionIn struct {
	VersionIn
	Meant
}

func (v *VersionIn) ref() string {
	if v.Version == 0 {
		return v.Name
	}
	return library.Ref{Name: v.Name, Version: v.Version}.String()
}

type recipeOut struct {
	Tag  string `header:"ETag"`
	Body coordinator.RecipeDocument
}

type saveIn struct {
	NamePath
	Match string `header:"If-Match" doc:"The ETag of the latest version as you know it; \"0\" for a name that is new."`
	Body  struct {
		Source string            `json:"source" minLength:"1" maxLength:"2000000"`
		Files  map[string]string `json:"files,omitempty"`
	}
}

type saveOut struct {
	Status int
	Tag    string `header:"ETag"`
	Body   coordinator.RecipeVersion
}

type versionsIn struct {
	NamePath
	Before int `query:"before" minimum:"0"`
	Limit  int `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type versionsOut struct {
	Body struct {
		Versions []coordinator.RecipeVersion `json:"versions"`
		Next     int                         `json:"next,omitempty" doc:"What before is for those that follow."`
	}
}

type diffIn struct {
	NamePath
	From int `query:"from" minimum:"1" required:"true"`
	To   int `query:"to" minimum:"1" required:"true"`
}

type diffOut struct{ Body *coordinator.RecipeDiff }

type deletedOut struct {
	Body struct {
		Deleted int `json:"deleted" doc:"Versions that are deleted now."`
	}
}

type exportIn struct {
	Names []string `query:"name,explode" doc:"Only these; all without any."`
}

type exportOut struct {
	Type string `header:"Content-Type"`
	Body []byte
}

type importIn struct{ RawBody []byte }

type importOut struct{ Body *library.Imported }

// knownVersion reads an If-Match of a recipe; nil is any.
func knownVersion(match string) (*int, error) {
	if match == "" || match == "*" {
		return nil, nil
	}
	text, ok := bare(match)
	n, err := strconv.Atoi(text)
	if !ok || err != nil {
		return nil, coordinator.Faultf(coordinator.Invalid, "If-Match is no ETag of a recipe: %.80s", match)
	}
	return &n, nil
}

func versionTag(n int) string { return strconv.Quote(strconv.Itoa(n)) }

func (s *server) saved() {
	tags := []string{"recipes"}
	route(s, huma.Operation{OperationID: "list-recipes", Method: http.MethodGet, Path: "/v1/recipes", Summary: "List saved recipes", Tags: tags},
		func(_ context.Context, p *Project, in *savedIn) (*savedOut, error) {
			page, err := p.Library.List(library.Listing{Match: in.Match, After: in.After, Limit: in.Limit})
			if err != nil {
				return nil, err
			}
			t, err := in.tagged(page)
			return &savedOut{t, page}, err
		})
	route(s, huma.Operation{OperationID: "show-recipe", Method: http.MethodGet, Path: "/v1/recipes/{name}", Summary: "Show a version of a saved recipe", Tags: tags},
		func(ctx context.Context, p *Project, in *showVersionIn) (*recipeOut, error) {
			d, err := p.Library.Show(ctx, in.ref())
			if err != nil {
				return nil, err
			}
			t := versionTag(d.Version)
			return &recipeOut{t, *d}, in.fresh(t)
		})
	route(s, huma.Operation{OperationID: "save-recipe", Method: http.MethodPut, Path: "/v1/recipes/{name}", Summary: "Save a recipe as the next version of its name", Tags: tags, DefaultStatus: http.StatusCreated}, s.save)
	route(s, huma.Operation{OperationID: "list-recipe-versions", Method: http.MethodGet, Path: "/v1/recipes/{name}/versions", Summary: "List the versions of a saved recipe, newest first", Tags: tags},
		func(ctx context.Context, p *Project, in *versionsIn) (*versionsOut, error) {
			out := &versionsOut{}
			var err error
			out.Body.Versions, out.Body.Next, err = p.Library.Versions(ctx, in.Name, in.Before, in.Limit)
			return out, err
		})
	route(s, huma.Operation{OperationID: "diff-recipe", Method: http.MethodGet, Path: "/v1/recipes/{name}/diff", Summary: "Compare two versions of a saved recipe", Tags: tags},
		func(ctx context.Context, p *Project, in *diffIn) (*diffOut, error) {
			d, err := p.Library.Diff(ctx, in.Name, in.From, in.To)
			return &diffOut{d}, err
		})
	route(s, huma.Operation{OperationID: "delete-recipe", Method: http.MethodDelete, Path: "/v1/recipes/{name}", Summary: "Delete a version of a saved recipe, or all", Tags: tags, DefaultStatus: http.StatusOK},
		func(ctx context.Context, p *Project, in *deleteVersionIn) (*deletedOut, error) {
			known, err := knownVersion(in.Match)
			if err == nil && known != nil && in.Version > 0 && in.Version != *known { // versions never change: it is another
				err = in.check("version "+strconv.Itoa(in.Version)+" of the recipe "+in.Name, versionTag(in.Version))
			}
			if err != nil {
				return nil, err
			}
			if in.Version > 0 {
				known = nil
			}
			out := &deletedOut{}
			out.Body.Deleted, err = p.Library.Delete(ctx, in.Name, in.Version, known)
			return out, err
		})
	route(s, huma.Operation{OperationID: "export-recipes", Method: http.MethodGet, Path: "/v1/recipes-archive", Summary: "Export saved recipes", Tags: tags},
		func(ctx context.Context, p *Project, in *exportIn) (*exportOut, error) {
			data, err := p.Library.Export(ctx, in.Names)
			return &exportOut{"application/json", data}, err
		})
	route(s, huma.Operation{OperationID: "import-recipes", Method: http.MethodPost, Path: "/v1/recipes-archive", Summary: "Import what was exported", Tags: tags, MaxBodyBytes: library.MaxBundle, DefaultStatus: http.StatusOK},
		func(ctx context.Context, p *Project, in *importIn) (*importOut, error) {
			done, err := p.Library.Import(ctx, in.RawBody, who(ctx).Name)
			return &importOut{done}, err
		})
}

func (s *server) save(ctx context.Context, p *Project, in *saveIn) (*saveOut, error) {
	source, err := library.Sent(in.Name+".yaml", in.Body.Source, in.Body.Files)
	if err != nil {
		return nil, err
	}
	saving := library.Saving{Name: in.Name, Source: source, By: who(ctx).Name}
	if saving.Expect, err = knownVersion(in.Match); err != nil {
		return nil, err
	}
	v, again, err := p.Library.Save(ctx, saving)
	if err != nil {
		return nil, err
	}
	out := &saveOut{http.StatusCreated, versionTag(v.Version), v}
	if again {
		out.Status = http.StatusOK
	}
	return out, nil
}
