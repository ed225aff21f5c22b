package msl

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// cacheDir holds what was compiled, by the hash of all it was made of: nothing in it
// is ever wrong, and all of it may be deleted.
var cacheDir = sync.OnceValues(func() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	dir := filepath.Join(base, "mlxc", "msl")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return dir, trim(dir, maxCache)
})

// maxCache is the size of the cache, in bytes, above which a process that starts to use
// it deletes what was used longest ago, down to half.
const maxCache = 1 << 30

func trim(dir string, limit int64) error {
	type file struct {
		path string
		size int64
		used time.Time
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var files []file
	total := int64(0)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			files = append(files, file{filepath.Join(dir, e.Name()), info.Size(), info.ModTime()})
			total += info.Size()
		}
	}
	if total <= limit {
		return nil
	}
	slices.SortFunc(files, func(a, b file) int {
		return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.path, b.path))
	})
	for _, f := range files {
		if total <= limit/2 {
			break
		}
		if err := os.Remove(f.path); err != nil && !os.IsNotExist(err) {
			return err
		}
		total -= f.size
	}
	return nil
}

// cached is the path of what the parts make. If it is not in the cache yet, build is
// given a folder in which to make a file of the name it returns, and files beside it
// that begin with that name; all are moved to the cache, the file itself last.
func cached(suffix string, parts []string, build func(dir string) (string, error)) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	path := filepath.Join(cache, hex.EncodeToString(h.Sum(nil)[:16])+suffix)
	if _, err := os.Stat(path); err == nil {
		now := time.Now()
		_ = os.Chtimes(path, now, now) // a file that is not ours to touch is only trimmed earlier
		return path, nil
	}
	dir, err := os.MkdirTemp(cache, "make-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	name, err := build(dir)
	if err != nil {
		return "", err
	}
	beside, err := filepath.Glob(filepath.Join(dir, name+".*"))
	if err != nil {
		return "", err
	}
	for _, b := range beside {
		if err := os.Rename(b, path+b[len(filepath.Join(dir, name)):]); err != nil {
			return "", err
		}
	}
	return path, os.Rename(filepath.Join(dir, name), path)
}
