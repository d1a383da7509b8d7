package api

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Paged says which part of a list is asked for. It is exported for the framework, which sees no other embedded fields.
type Paged struct {
	After string `query:"after" maxLength:"256" doc:"The next of the page before."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"500"`
	Asked
}

// page returns the part of a list that is asked for, and what after is for the next; "" for none.
// The list is in the order of its keys, each of which is there once: a page goes on where the one
// before ended, whatever came or went meanwhile.
func page[T any](in Paged, list []T, key func(T) string) (part []T, next string) {
	from, found := 0, false
	if in.After != "" {
		if from, found = slices.BinarySearchFunc(list, in.After, func(v T, after string) int { return strings.Compare(key(v), after) }); found {
			from++
		}
	}
	part = append([]T{}, list[from:]...)
	if len(part) > in.Limit {
		part = part[:in.Limit]
		next = key(part[in.Limit-1])
	}
	return part, next
}

// newest is a key that puts the newest first, and those of the same time by name.
func newest(created time.Time, name string) string {
	return fmt.Sprintf("%016x%s", math.MaxInt64-max(created.UnixNano(), 0), name)
}

// each is a copy of a list with every item changed.
func each[T any](list []T, change func(*T)) []T {
	list = slices.Clone(list)
	for i := range list {
		change(&list[i])
	}
	return list
}
