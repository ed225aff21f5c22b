package dsl

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/participle/v2/lexer"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mlxc/mlxc/ir"
)

func TestFormat(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"spaces": {
			"\n\nimport  nn ,optim\nconst a=-1+b( 2,-3 )*-c [ 1 ]  **2\r\nconst r = [x*2 for x in(1..4) ]",
			"import nn, optim\nconst a = -1 + b(2, -3) * -c[1] ** 2\nconst r = [x * 2 for x in (1..4)]\n",
		},
		"types, defaults and arguments by name": {
			"block L( in:int,out : int=2,xs:[ int ]=[1],W:dtype=f16 )where in>0{\nk=f( axis = - 1 ,xs=[1], y=(2) )at \"k\"\n}",
			"block L(in: int, out: int = 2, xs: [int] = [1], W: dtype = f16) where in > 0 {\n  k = f(axis=-1, xs=[1], y=(2)) at \"k\"\n}\n",
		},
		"slices and rests": {
			"fn f(x:E[ ... S,D ]) { y=x[ :,1 : -1,...,none ]@w [a:b+ 1]\nreturn y . T }",
			"fn f(x: E[...S, D]) { y = x[:, 1:-1, ..., none] @ w[a:b + 1]\n  return y.T }\n",
		},
		"annotations": {
			"default @gpu@precision( compute=f16 )\n@remat@precision(compute=a@b)\nfn f() {\n@cpu   x = a@b\n@cpu{ y=1 }\nreturn x @y\n}",
			"default @gpu @precision(compute=f16)\n@remat @precision(compute=a @ b)\nfn f() {\n  @cpu x = a @ b\n  @cpu { y = 1 }\n  return x @ y\n}\n",
		},
		"blank lines and branches": {
			"fn f() {\n\n\n# why\n\n\n  if not(a){\n\n x = - 1\n\n}\n  else if b { x = 2 } else {x=3}\n\n\n\n return x\n\n}\n\n\n",
			"fn f() {\n  # why\n\n  if not (a) {\n    x = -1\n  }\n  else if b { x = 2 } else { x = 3 }\n\n  return x\n}\n",
		},
		"lines that go on": {
			"entry e(x: f32[4],\ny: f32[4])\n-> (z: f32[4])\nwhere B > 1,\nT > 1\n{\nz = x +\ny\nw = f(x,\ny)\nv = g([\n1,\n2,\n], h(\n3\n))\n.T\nreturn z\n}",
			"entry e(x: f32[4],\n    y: f32[4])\n    -> (z: f32[4])\n    where B > 1,\n  T > 1\n{\n  z = x +\n    y\n  w = f(x,\n      y)\n  v = g([\n    1,\n    2,\n  ], h(\n    3\n  ))\n    .T\n  return z\n}\n",
		},
		"comments": {
			"#a\nconst a = 1 # one  \nconst long = 10  # two\n\nconst b = 1     # three\nconst c = [ # four\n1, # five\n# six\n]\n#end",
			"#a\nconst a = 1      # one\nconst long = 10  # two\n\nconst b = 1  # three\nconst c = [  # four\n  1,         # five\n  # six\n]\n#end\n",
		},
		"Metal": {
			"kernel k(x: E[...S]) -> (y: E[...S]) {\nref{ return x }\nmetal( grid=[ 1 ] ) `\n   if (a){ }  \n`\nvjp (d: E[...S]) { return d }\n}",
			"kernel k(x: E[...S]) -> (y: E[...S]) {\n  ref { return x }\n  metal(grid=[1]) `\n   if (a){ }  \n`\n  vjp(d: E[...S]) { return d }\n}\n",
		},
	} {
		got, err := Format("m.mlx", []byte(c.src))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(c.want, string(got)); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
		checkFormatted(t, "m.mlx", []byte(c.src), got)
	}
	if _, err := Format("m.mlx", []byte("const a = (1")); err == nil {
		t.Error("what does not parse is formatted")
	}
}

// checkFormatted: formatting again changes nothing, and the tree is the same but
// for places.
func checkFormatted(t *testing.T, file string, src, out []byte) {
	t.Helper()
	again, err := Format(file, out)
	if err != nil || !bytes.Equal(again, out) {
		t.Errorf("%s: formatted twice, %v:\n%s", file, err, cmp.Diff(string(out), string(again)))
	}
	before, err := Parse(file, src)
	if err != nil {
		t.Fatal(err)
	}
	after, err := Parse(file, out)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, after, cmpopts.IgnoreTypes(lexer.Position{}, Span{})); d != "" {
		t.Errorf("%s: the tree differs:\n%s", file, d)
	}
}

// TestFormatFiles: every file of the repository that parses is formatted, comes
// back from other spaces, and compiles to the same program from both.
func TestFormatFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("loads every model of the tree twice")
	}
	files, loaded := 0, 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // tests of other packages make folders for a while
			return nil
		}
		if err != nil || filepath.Ext(path) != ".mlx" {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if _, err := Parse(path, src); err != nil {
			return nil
		}
		files++
		loose := loosened(t, src)
		got, err := Format(path, loose)
		if err != nil {
			t.Error(err)
			return nil
		}
		if d := cmp.Diff(string(src), string(got)); d != "" {
			t.Errorf("%s is not formatted; mlxc fmt -w does it:\n%s", path, d)
		}
		checkFormatted(t, path, loose, got)
		before, ok := programText(path, loose)
		after, also := programText(path, got)
		if ok != also || before != after {
			t.Errorf("%s: the program differs:\n%s", path, cmp.Diff(before, after))
		}
		if ok {
			loaded++
		}
		return nil
	})
	if err != nil || files < 40 || loaded < 25 {
		t.Errorf("%d files, of which %d compile: %v", files, loaded, err)
	}
}

// loosened is a source with other spaces wherever there are some.
func loosened(t *testing.T, src []byte) []byte {
	all, err := lexAll("m.mlx", src)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for i, tok := range all {
		switch tok.Type {
		case tokens["Space"]:
			b.WriteString(strings.Repeat(" ", 1+i%3) + strings.Repeat("\t", i%2))
		case tokens["LineEnd"]:
			b.WriteString(strings.Repeat(" ", i%4) + "\n")
		default:
			b.WriteString(tok.Value)
		}
	}
	return b.Bytes()
}

var places = regexp.MustCompile(` loc \d+|(?m)^loc .*\n`)

// programText is the IR of a source without places; ok is false if it does not compile.
func programText(path string, src []byte) (text string, ok bool) {
	p, err := Load(path, Options{ReadFile: func(name string) ([]byte, error) {
		if name == path {
			return src, nil
		}
		return os.ReadFile(name)
	}})
	if err != nil {
		return "", false
	}
	return places.ReplaceAllString(ir.Print(p.Module()), ""), true
}

func FuzzFormat(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		out, err := Format("m.mlx", src)
		if err != nil {
			checkDiagnostics(t, err, "m.mlx", src)
			return
		}
		checkFormatted(t, "m.mlx", src, out)
	})
}
