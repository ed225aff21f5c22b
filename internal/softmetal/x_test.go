package softmetal
import "testing"
func TestX(t *testing.T) { p, err := Build("amd64"); t.Log(p, err); p, err = Build("arm64"); t.Log(p, err) }
