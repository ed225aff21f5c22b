package msl

import "runtime"

// A Program is a text compiled in every mode for this machine.
type Program struct {
	Flat, Checked *Object
}

// Prepare holds a text to the language, compiles it strictly and then in every mode.
func Prepare(text string) (*Program, error) {
	if err := Strict(text); err != nil {
		return nil, err
	}
	flat, err := Compile(text, Flat, runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	checked, err := Compile(text, Checked, runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	return &Program{flat, checked}, nil
}
