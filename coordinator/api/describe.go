package api

import (
	"maps"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"sluice/coordinator"
)

// also are the statuses beside its first one that a route answers with, and why. Those of errors
// are not here: a description's default is all of them.
var also = map[string]map[int]string{
	"submit-job":        {http.StatusOK: "The job that came of the same key and body before."},
	"retry-job":         {http.StatusOK: "The job that came of the same key before."},
	"create-upload":     {http.StatusOK: "The artifact: its content is stored already."},
	"save-recipe":       {http.StatusOK: "The latest version, which is the same."},
	"download-artifact": {http.StatusPartialContent: "The part that Range names; of several parts, multipart/byteranges."},
}

// describe adds to the description of the routes what the framework does not see in them.
func (s *server) describe() {
	s.socket()
	for _, item := range s.huma.OpenAPI().Paths {
		for _, o := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if o != nil {
				unmodified(o)
				o.Responses[problemStatus] = s.problemResponse("An error, as a problem of RFC 9457.")
				for status, why := range also[o.OperationID] {
					same := *o.Responses[strconv.Itoa(o.DefaultStatus)]
					same.Description = why
					o.Responses[strconv.Itoa(status)] = &same
				}
			}
		}
	}
	download := s.huma.OpenAPI().Paths[contentPath].Get.Responses
	download["206"].Headers = maps.Clone(download["206"].Headers)
	download["206"].Headers["Content-Range"] = textHeader("Which bytes of how many these are.")
	download["416"] = s.problemResponse("The file has no such range.")
	download["416"].Headers = map[string]*huma.Header{"Content-Range": textHeader("How long the file is.")}
}

// problemStatus stands for all statuses that are described nowhere else.
const problemStatus = "default"

func (s *server) problemResponse(text string) *huma.Response {
	schema := s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	return &huma.Response{Description: text, Content: map[string]*huma.MediaType{"application/problem+json": {Schema: schema}}}
}

func textHeader(text string) *huma.Header {
	return &huma.Header{Description: text, Schema: &huma.Schema{Type: huma.TypeString}}
}

// unmodified describes the answer to who knows what is asked for.
func unmodified(o *huma.Operation) {
	for _, p := range o.Parameters {
		if p.Name == "If-None-Match" {
			o.Responses["304"] = &huma.Response{Description: "It is as it is known.", Headers: map[string]*huma.Header{"ETag": textHeader("That of what is known.")}}
		}
	}
}

// binary describes a file's bytes.
func binary() map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}
}

// appended describes the answer to bytes of an upload.
func (s *server) appended() map[string]*huma.Response {
	schema := s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[coordinator.Upload](), true, "Upload")
	return map[string]*huma.Response{"200": {Description: "How far the upload is now.", Content: map[string]*huma.MediaType{"application/json": {Schema: schema}},
		Headers: map[string]*huma.Header{"Upload-Offset": {Description: "Where the bytes go on that are sent next.", Schema: &huma.Schema{Type: huma.TypeInteger, Format: "int64"}}}}}
}

// downloaded describes a file.
func downloaded() map[string]*huma.Response {
	return map[string]*huma.Response{"200": {Description: "The file.", Content: binary(), Headers: map[string]*huma.Header{
		"ETag": textHeader("The SHA-256 of the content."), "Repr-Digest": textHeader("The same as RFC 9530 has it."), "Accept-Ranges": textHeader("bytes"),
		"Content-Disposition": textHeader("The file's name.")}}}
}

// socketPath is where the WebSocket is opened: no route, since it is let past them.
const socketPath = "/v1/events"

// socket describes the WebSocket.
func (s *server) socket() {
	s.huma.OpenAPI().AddOperation(&huma.Operation{OperationID: "open-events", Method: http.MethodGet, Path: socketPath, Summary: "Open a WebSocket for live events", Tags: []string{"cluster"},
		Description: "RFC 6455. The first message says which events are wanted; docs/events.md describes all messages.",
		Security:    []map[string][]string{}, // the ticket
		Parameters: []*huma.Param{
			{Name: "Upgrade", In: "header", Required: true, Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"websocket"}}},
			{Name: "Sec-WebSocket-Version", In: "header", Required: true, Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"13"}}},
			{Name: "Sec-WebSocket-Key", In: "header", Required: true, Schema: &huma.Schema{Type: huma.TypeString}},
			{Name: "Sec-WebSocket-Protocol", In: "header", Required: true, Schema: &huma.Schema{Type: huma.TypeString},
				Description: "sluice.v1, ticket.TICKET: the ticket of create-ticket, which says who asks. It is good once."},
		},
		Responses: map[string]*huma.Response{"101": {Description: "The connection is a WebSocket now.",
			Headers: map[string]*huma.Header{"Sec-WebSocket-Protocol": textHeader("sluice.v1")}}}})
}
