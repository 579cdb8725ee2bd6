package config

import (
	"fmt"
	"strings"
)

// Problem is one thing wrong with a configuration. Its text holds no secret.
type Problem struct {
	File    string
	Line    int // from 1; 0 if something is missing altogether
	Column  int
	Message string // what is wrong, and the dotted key that it is about
	Hint    string // what would be right
}

// Error is one line: what is wrong, where, and what would be right.
func (p Problem) Error() string {
	text := p.Message
	if p.Line > 0 {
		text += fmt.Sprintf(" (%s:%d)", p.File, p.Line)
	} else if p.File != "" {
		text += " (" + p.File + ")"
	}
	if p.Hint != "" {
		text += "; " + p.Hint
	}
	return text
}

// Problems lists everything that is wrong with a configuration.
type Problems []Problem

// Error is a line for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// finding is a problem, together with when it matters.
type finding struct {
	Problem
	late bool // depends on the environment or on a secret file
	kind findingKind
}

type findingKind int

const (
	ordinary   findingKind = iota
	credential             // matters only to processes that call the vendor
)

// findings collects problems while values are put together.
type findings struct {
	file string
	list []finding
}

func (f *findings) add(v value, hint, format string, args ...any) {
	f.list = append(f.list, finding{
		Problem: Problem{File: f.file, Line: v.line, Column: v.column, Message: v.where + " " + fmt.Sprintf(format, args...), Hint: hint},
		late:    v.late,
	})
}

// without returns the findings of all other kinds.
func (f *findings) without(kind findingKind) *findings {
	rest := &findings{file: f.file}
	for _, one := range f.list {
		if one.kind != kind {
			rest.list = append(rest.list, one)
		}
	}
	return rest
}

// early returns the problems of the file itself, which do not depend on the
// environment.
func (f *findings) early() Problems {
	var problems Problems
	for _, one := range f.list {
		if !one.late {
			problems = append(problems, one.Problem)
		}
	}
	return problems
}

func (f *findings) all() Problems {
	var problems Problems
	for _, one := range f.list {
		problems = append(problems, one.Problem)
	}
	return problems
}

func (f *findings) err() error {
	if len(f.list) == 0 {
		return nil
	}
	return f.all()
}
