package mtl

// findMetal says why there is no GPU.
func findMetal() error {
	d, err := OpenDevice()
	d.Close()
	return err
}
