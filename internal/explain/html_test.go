package explain_test

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/internal/explain"
	"github.com/mlxc/mlxc/ir"
)

// The page has a row for each launch and a box for each block, within the drawing, and
// names are text in it.
func TestHTML(t *testing.T) {
	plans := explained(t, "../../testdata/digits/digits.mlx", ir.CPU, explain.Machines[ir.CPU], "", nil)
	plans[0].Launches[0].Kernel = "<script>"
	var page strings.Builder
	if err := explain.HTML(&page, &explain.Explanation{Model: "digits", Plans: plans}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(page.String(), "<script>") || !strings.Contains(page.String(), "&lt;script&gt;") {
		t.Error("a name is not text")
	}
	rows, boxes := 0, 0
	d := xml.NewDecoder(strings.NewReader(page.String()))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := d.Token()
		if err == io.EOF || err != nil {
			break
		}
		if e, ok := token.(xml.StartElement); ok {
			switch e.Name.Local {
			case "tr":
				rows++
			case "rect":
				boxes++
			}
		}
	}
	if rows != 1+len(plans[0].Launches) || boxes != 1+len(plans[0].Memory.Blocks) {
		t.Errorf("%d rows and %d boxes", rows, boxes)
	}
	for _, b := range plans[0].Memory.Boxes() {
		if b.X < 0 || b.Y < -2 || b.X+b.Width > float64(plans[0].Width()) || b.Y+b.Height > float64(plans[0].Height()) {
			t.Errorf("%+v is not in the drawing", b)
		}
	}
}
