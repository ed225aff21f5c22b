package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFmt(t *testing.T) {
	const loose, tidy = "const a=1\n", "const a = 1\n"
	file := write(t, "loose.mlx", loose)
	fine := write(t, "tidy.mlx", tidy)
	bad := write(t, "bad.mlx", "const a = (\n")
	link := filepath.Join(filepath.Dir(file), "link.mlx")
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("loose.mlx", link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code int
		out  string
		errs string
	}{
		{"fmt", exitUsage, "", "fmt wants files"},
		{"fmt go.mod", exitWrong, "", "go.mod: fmt formats files .mlx"},
		{"fmt nowhere.mlx", exitWrong, "", "nowhere.mlx: no such file"},
		{"fmt " + file, exitOK, tidy, ""},
		{"fmt -l " + bad + " " + fine + " " + file, exitWrong, file + "\n", "bad.mlx:1:11: error: `(` is never closed\n   1 | const a = ("},
		{"fmt -l -w " + link + " " + fine, exitOK, link + "\n", ""},
		{"fmt -l " + file, exitOK, "", ""},
	} {
		code, out, errs := mlxcRun(t, strings.Fields(c.args)...)
		if code != c.code || out != c.out || !strings.Contains(errs, c.errs) {
			t.Errorf("mlxc %s: exit %d, %q, %q", c.args, code, out, errs)
		}
	}
	info, err := os.Lstat(link)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
	text, err := os.ReadFile(file)
	if err != nil || string(text) != tidy {
		t.Errorf("the file has %q, %v", text, err)
	}
	if info, err = os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	var out, errs bytes.Buffer
	if code := run([]string{"fmt", "-"}, strings.NewReader(loose), &out, &errs); code != exitOK || out.String() != tidy {
		t.Errorf("standard input: exit %d, %q, %q", code, out.String(), errs.String())
	}
}
