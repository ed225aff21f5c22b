package onnx_test

import "testing"

// TestNodes runs what scripts/oracles/onnx_nodes.py has recorded.
func TestNodes(t *testing.T) {
	for _, c := range archived(t, []string{"testdata/nodes.tar.gz"}) {
		t.Run(c.name, func(t *testing.T) {
			if err := evaluate(c); err != nil {
				t.Error(err)
			}
		})
	}
}
