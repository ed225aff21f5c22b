package repack

import (
	"os"
	"regexp"
	"strconv"
	"testing"
)

// resident is the kB of memory that the process has. Only Linux says so in a file.
func resident(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	found := regexp.MustCompile(`VmRSS:\s*(\d+) kB`).FindSubmatch(text)
	if found == nil {
		t.Fatal("there is no VmRSS")
	}
	return must(strconv.Atoi(string(found[1])))(t)
}
