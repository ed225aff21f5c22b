package msl

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestTrim(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"new", "older", "oldest"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, make([]byte, 100), 0o644); err != nil {
			t.Fatal(err)
		}
		used := time.Now().Add(-time.Duration(i) * time.Hour)
		if err := os.Chtimes(path, used, used); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		limit int64
		left  []string
	}{
		{300, []string{"new", "older", "oldest"}},
		{299, []string{"new"}},
	} {
		if err := trim(dir, test.limit); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var left []string
		for _, e := range entries {
			left = append(left, e.Name())
		}
		if !slices.Equal(left, test.left) {
			t.Errorf("limit %d leaves %v, want %v", test.limit, left, test.left)
		}
	}
}

func TestCached(t *testing.T) {
	made := 0
	makes := func(dir string) (string, error) {
		made++
		if err := os.WriteFile(filepath.Join(dir, "x.lines"), []byte("beside"), 0o644); err != nil {
			return "", err
		}
		return "x", os.WriteFile(filepath.Join(dir, "x"), []byte("made"), 0o644)
	}
	part := time.Now().String()
	var paths []string
	for _, parts := range [][]string{{part, "a"}, {part, "a"}, {part + "a", ""}} {
		path, err := cached(".test", parts, makes)
		if err != nil {
			t.Fatal(err)
		}
		defer os.Remove(path)
		defer os.Remove(path + ".lines")
		paths = append(paths, path)
		for name, want := range map[string]string{path: "made", path + ".lines": "beside"} {
			if got, err := os.ReadFile(name); err != nil || string(got) != want {
				t.Errorf("%s holds %q, %v", name, got, err)
			}
		}
	}
	if made != 2 || paths[0] != paths[1] || paths[0] == paths[2] {
		t.Errorf("made %d times: %v", made, paths)
	}
}
