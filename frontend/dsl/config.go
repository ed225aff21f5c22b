package dsl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// configKinds are the types of config, and of the elements of its lists.
var configKinds = []string{"int", "float", "bool", "string", "dtype"}

// config gives each field its value: what was set, what config.json has, or the
// default.
func (c *context) config(cfg *Config) {
	for _, f := range cfg.Fields {
		c.define(f.Name, c.configValue(f))
	}
}

// checkSet looks for values that were set for what is no config.
func (c *context) checkSet() {
	var names []string
	for _, d := range c.file.file.Decls {
		if d.Config != nil {
			for _, f := range d.Config.Fields {
				names = append(names, f.Name.Name)
			}
		}
	}
	for _, name := range keys(c.opts.Set) {
		if !slices.Contains(names, name) {
			c.report(ir.Diagnostic{Pos: &ir.Pos{File: "--set " + name}, Msg: "the model has no such config", Hint: didYouMean(name, names)})
		}
	}
}

// configValue is the value of a field, of its type.
func (c *context) configValue(f *ConfigField) value {
	name := f.Name.Name
	if !isConfig(f.Type) {
		return c.hintf(Span{f.Type.Pos, 0}, "a config is an int, float, bool, string or dtype, or a list [T] of one of these", "config `%s` cannot be of type %s", name, f.Type)
	}
	v, from := c.givenValue(f)
	v, wrong, ok := c.accept(f.Type, v)
	if wrong != nil {
		d := ir.Diagnostic{Pos: c.at(f.Name.span()), Msg: fmt.Sprintf("config `%s`: %s", name, wrong.problem), Hint: wrong.hint}
		if from != "" {
			d.Notes = []ir.Note{{Label: "given", Text: from}, {Label: "wanted", Text: f.Type.String()}}
		}
		return c.report(d)
	}
	if !ok {
		return poison{}
	}
	return v
}

// isConfig reports whether a config may have a type.
func isConfig(t *TypeExpr) bool {
	for t.List != nil {
		t = t.List
	}
	return t.Dims == nil && slices.Contains(configKinds, t.Name)
}

// givenValue is the value of a field, and which text outside of the model it is from, if
// it is.
func (c *context) givenValue(f *ConfigField) (v value, from string) {
	name, key := f.Name.Name, string(f.From)
	if key == "" {
		key = f.Name.Name
	}
	if text, ok := c.opts.Set[name]; ok {
		from = fmt.Sprintf("--set %s=%s", name, text)
		if f.Type.Name == "string" && f.Type.List == nil {
			return text, from
		}
		return c.setValue(name, text), from
	}
	if v, ok := c.lookup(f, key); ok {
		from = fmt.Sprintf("%q of the config file", key)
		v, ok := c.jsonValue(f.Type, v)
		if !ok {
			v = c.hintf(f.Name.span(), fmt.Sprintf("a value in it is `from \"%s.key\"`", key), "config `%s`: %s is an object", name, from)
		}
		return v, from
	}
	if f.Default != nil {
		return c.eval(f.Default), ""
	}
	hint := fmt.Sprintf("pass --set %s=...", name)
	if c.opts.Config != nil {
		hint += fmt.Sprintf("; the config file has no %q", key)
	}
	return c.hintf(f.Name.span(), hint, "config `%s` has no value", name), ""
}

// setValue evaluates a value given on the command line.
func (c *context) setValue(name, text string) value {
	file := "--set " + name
	f, err := Parse(file, []byte("const _ = "+strings.ReplaceAll(text, "\n", " ")))
	if err != nil || len(f.Decls) != 1 || f.Decls[0].Const == nil {
		return c.report(ir.Diagnostic{Pos: &ir.Pos{File: file}, Msg: fmt.Sprintf("%q is not a value", text)})
	}
	if unknown := checkNames(f, c.universeNames()).diags; len(unknown) > 0 {
		d := unknown[0]
		d.Pos = &ir.Pos{File: file}
		return c.report(d)
	}
	in := *c
	in.scope = &scope{vars: map[string]value{}}
	return in.eval(f.Decls[0].Const.Value)
}

// lookup finds what the config file has at a path of keys; null is as if it were not there.
func (c *context) lookup(f *ConfigField, path string) (v any, ok bool) {
	v = c.opts.Config
	for i, key := range strings.Split(path, ".") {
		object, isObject := v.(map[string]any)
		if !isObject {
			before := strings.Join(strings.Split(path, ".")[:i], ".")
			return c.errorf(f.Name.span(), "config `%s`: %q of the config file is no object that could have %q", f.Name.Name, before, key), true
		}
		if v = object[key]; v == nil {
			return nil, false
		}
	}
	return v, true
}

// jsonValue is a value of the config file for a type. A whole number is an integer, and a
// dtype has our name or that of PyTorch.
func (c *context) jsonValue(t *TypeExpr, v any) (out value, ok bool) {
	switch v := v.(type) {
	case nil:
		return none{}, true
	case float64:
		if n, ok := size(v); ok {
			return n, true
		}
	case string:
		if d, ok := ir.ForeignDType(v); ok && t.Name == "dtype" {
			return d, true
		}
		if d, _ := c.universe(v); t.Name == "dtype" {
			if d, ok := convert("dtype", d); ok {
				return d, true
			}
		}
	case []any:
		items := list{}
		for _, x := range v {
			of := t
			if t.List != nil {
				of = t.List
			}
			item, ok := c.jsonValue(of, x)
			if !ok {
				return nil, false
			}
			items = append(items, item)
		}
		return items, true
	case map[string]any:
		return nil, false
	}
	return v, true
}
