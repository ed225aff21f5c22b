package mlxc_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docs/certified.tsv is well formed, so that scripts/certify-on-mac can add to it, and
// the test says which of the committed texts have passed Apple's compiler.
func TestCertifiedTexts(t *testing.T) {
	list, err := os.ReadFile("docs/certified.tsv")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`^[0-9a-f]{64}\t[^\t]+\.metal\t[^\t]+\t[^\t]+$`)
	for i, line := range strings.Split(strings.TrimSuffix(string(list), "\n"), "\n") {
		if !strings.HasPrefix(line, "#") && !row.MatchString(line) {
			t.Errorf("docs/certified.tsv:%d: no row of hash, text, system and compiler: %q", i+1, line)
		}
	}
	texts, err := filepath.Glob("testdata/gen/*/model.metal")
	if err != nil || len(texts) != len(models) {
		t.Fatal(texts, err)
	}
	texts = append(texts, "codegen/metal/testdata/forms.metal")
	for _, text := range texts {
		data, err := os.ReadFile(text)
		if err != nil {
			t.Fatal(err)
		}
		certified := "not certified"
		if strings.Contains(string(list), fmt.Sprintf("%x\t", sha256.Sum256(data))) {
			certified = "certified"
		}
		t.Logf("%s: %s", text, certified)
	}
}
