package ir

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// AttrText prints an op's attributes as key=value, in the order of the struct.
// Every field is printed, so that no text depends on a default.
func AttrText(attrs any) string {
	if attrs == nil {
		return ""
	}
	v := reflect.ValueOf(attrs)
	parts := make([]string, v.NumField())
	for i := range parts {
		parts[i] = attrKey(v.Type().Field(i).Name) + "=" + attrValue(v.Field(i).Interface())
	}
	return strings.Join(parts, ", ")
}

// AttrNames lists the names and kinds of an attribute struct, for the reference.
func AttrNames(attrs any) string {
	t := reflect.TypeOf(attrs)
	parts := make([]string, t.NumField())
	for i := range parts {
		parts[i] = attrKey(t.Field(i).Name) + " " + attrKinds[t.Field(i).Type]
	}
	return strings.Join(parts, ", ")
}

// attrKinds are the types that attributes may have.
var attrKinds = map[reflect.Type]string{
	reflect.TypeFor[int]():       "int",
	reflect.TypeFor[float64]():   "number",
	reflect.TypeFor[bool]():      "bool",
	reflect.TypeFor[DType]():     "dtype",
	reflect.TypeFor[[]int]():     "ints",
	reflect.TypeFor[Size]():      "size",
	reflect.TypeFor[[]Size]():    "sizes",
	reflect.TypeFor[*Param]():    "param",
	reflect.TypeFor[*Source]():   "source",
	reflect.TypeFor[[]Type]():    "types",
	reflect.TypeFor[[]DType]():   "dtypes",
	reflect.TypeFor[[]float64](): "numbers",
}

func attrKey(field string) string {
	r := []rune(field)
	r[0] = unicode.ToLower(r[0])
	if rest, ok := strings.CutPrefix(field, "DType"); ok {
		return "dtype" + rest
	}
	return string(r)
}

func attrValue(x any) string {
	switch x := x.(type) {
	case float64:
		return floatText(x)
	case []int:
		return "[" + joinText(x, strconv.Itoa) + "]"
	case []Size:
		return "[" + joinText(x, Size.String) + "]"
	case *Param:
		return "@" + x.Name
	case *Source:
		return "@" + x.Name
	case []Type:
		return "[" + joinText(x, Type.String) + "]"
	case []DType:
		return "[" + joinText(x, DType.String) + "]"
	case []float64:
		return "[" + joinText(x, floatText) + "]"
	}
	return fmt.Sprint(x)
}

func joinText[T any](xs []T, text func(T) string) string {
	parts := make([]string, len(xs))
	for i, x := range xs {
		parts[i] = text(x)
	}
	return strings.Join(parts, ", ")
}

// floatText is the shortest text that reads back as x.
func floatText(x float64) string {
	return strings.TrimPrefix(strings.ToLower(strconv.FormatFloat(x, 'g', -1, 64)), "+") // inf
}

// parseAttrs reads key=value pairs into a copy of the op's attribute struct.
func (s *scanner) parseAttrs(zero any, scope *textScope) (any, error) {
	v := reflect.New(reflect.TypeOf(zero)).Elem()
	seen := map[string]bool{}
	for {
		at := *s
		key, err := s.name()
		if err != nil {
			return nil, err
		}
		field := -1
		for i := range v.NumField() {
			if attrKey(v.Type().Field(i).Name) == key {
				field = i
			}
		}
		if field < 0 || seen[key] {
			return nil, at.errorf("attribute %s is not wanted here", key)
		}
		seen[key] = true
		if err := s.expect("="); err != nil {
			return nil, err
		}
		x, err := s.attr(v.Field(field).Interface(), scope)
		if err != nil {
			return nil, err
		}
		v.Field(field).Set(reflect.ValueOf(x))
		if !s.accept(",") {
			break
		}
	}
	if len(seen) < v.NumField() {
		return nil, s.errorf("attributes are missing: wants %s", AttrNames(zero))
	}
	return v.Interface(), nil
}

func (s *scanner) attr(like any, scope *textScope) (any, error) {
	switch like.(type) {
	case int:
		n, err := s.int()
		return int(n), err
	case float64:
		return s.float()
	case bool:
		at := *s
		n, err := s.name()
		if err == nil && n != "true" && n != "false" {
			err = at.errorf("unexpected %s, expected true or false", at.found())
		}
		return n == "true", err
	case DType:
		if s.accept(Invalid.String()) {
			return Invalid, nil
		}
		return s.dtype()
	case []int:
		return listAttr(s, func() (int, error) { n, err := s.int(); return int(n), err })
	case Size:
		return s.size(scope.size, scope.names)
	case []Size:
		return s.sizes(scope.size, scope.names)
	case []Type:
		return listAttr(s, func() (Type, error) { return s.typ(scope.size, scope.names) })
	case []DType:
		return listAttr(s, s.dtype)
	case []float64:
		return listAttr(s, s.float)
	case *Source:
		at := *s
		name, err := s.sigil('@')
		if err != nil {
			return nil, err
		}
		source := scope.module.Source(name)
		if source == nil {
			return source, at.errorf("source @%s is not declared", name)
		}
		return source, nil
	case *Param:
		at := *s
		name, err := s.sigil('@')
		if err != nil {
			return nil, err
		}
		p := scope.module.Param(name)
		if p == nil {
			return p, at.errorf("param @%s is not declared", name)
		}
		return p, nil
	}
	return nil, s.errorf("attributes of type %T have no text", like)
}

func listAttr[T any](s *scanner, item func() (T, error)) ([]T, error) {
	var out []T
	err := s.listOf("[", "]", func() error {
		x, err := item()
		out = append(out, x)
		return err
	})
	return out, err
}

// listOf reads items between brackets, separated by commas.
func (s *scanner) listOf(open, end string, item func() error) error {
	if err := s.expect(open); err != nil {
		return err
	}
	for n := 0; !s.accept(end); n++ {
		if n > 0 {
			if err := s.expect(","); err != nil {
				return err
			}
		}
		if err := item(); err != nil {
			return err
		}
	}
	return nil
}
