package dsl

import (
	"fmt"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// config gives each field its value: what was set, what config.json has, or the
// default.
func (c *context) config(cfg *Config) {
	var names []string
	for _, f := range cfg.Fields {
		names = append(names, f.Name.Name)
		v := c.configValue(f)
		v, wrong, ok := c.accept(f.Type, v)
		if wrong != nil {
			c.errorf(f.Name.span(), "config `%s`: %s", f.Name.Name, wrong.problem)
		}
		if !ok {
			v = poison{}
		}
		c.define(f.Name, v)
	}
	for _, name := range keys(c.opts.Set) {
		if !c.file.declaresConfig(name) {
			c.report(ir.Diagnostic{Pos: &ir.Pos{File: "--set " + name}, Msg: "the model has no such config", Hint: didYouMean(name, names)})
		}
	}
}

func (s *source) declaresConfig(name string) bool {
	for _, d := range s.file.Decls {
		if d.Config == nil {
			continue
		}
		for _, f := range d.Config.Fields {
			if f.Name.Name == name {
				return true
			}
		}
	}
	return false
}

func (c *context) configValue(f *ConfigField) value {
	if text, ok := c.opts.Set[f.Name.Name]; ok {
		if f.Type.Name == "string" && f.Type.List == nil {
			return text
		}
		return c.setValue(f.Name.Name, text)
	}
	key := string(f.From)
	if key == "" {
		key = f.Name.Name
	}
	if v, ok := lookup(c.opts.Config, strings.Split(key, ".")); ok {
		return c.jsonValue(f, v)
	}
	if f.Default == nil {
		return c.hintf(f.Name.span(), fmt.Sprintf("pass --set %s=...", f.Name.Name), "config `%s` has no value", f.Name.Name)
	}
	return c.eval(f.Default)
}

// setValue evaluates a value given on the command line.
func (c *context) setValue(name, text string) value {
	file := "--set " + name
	f, err := Parse(file, []byte("const _ = "+strings.ReplaceAll(text, "\n", " ")))
	if err != nil || len(f.Decls) != 1 || f.Decls[0].Const == nil {
		return c.report(ir.Diagnostic{Pos: &ir.Pos{File: file}, Msg: fmt.Sprintf("%q is not a value", text)})
	}
	in := *c
	in.scope = &scope{vars: map[string]value{}}
	return in.eval(f.Decls[0].Const.Value)
}

// lookup finds a path of keys in a JSON object.
func lookup(object map[string]any, keys []string) (any, bool) {
	v, ok := object[keys[0]]
	if !ok || len(keys) == 1 {
		return v, ok
	}
	inner, ok := v.(map[string]any)
	if !ok {
		return nil, false
	}
	return lookup(inner, keys[1:])
}

// jsonValue is a value of config.json; a whole number is an integer.
func (c *context) jsonValue(f *ConfigField, v any) value {
	switch v := v.(type) {
	case bool:
		return v
	case string:
		if d, ok := ir.ParseDType(v); ok && f.Type.Name == "dtype" {
			return d
		}
		return v
	case float64:
		if n, ok := size(v); ok {
			return n
		}
		return v
	case []any:
		out := list{}
		for _, x := range v {
			out = append(out, c.jsonValue(f, x))
		}
		return out
	}
	return c.errorf(f.Name.span(), "config `%s`: config.json has a value that is no number, string, bool or list", f.Name.Name)
}
