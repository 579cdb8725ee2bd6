package config_test

import (
	"os"
	"syscall"
	"testing"
)

func TestMain(m *testing.M) {
	syscall.Umask(0o022) // a configuration that others can change is refused
	os.Exit(m.Run())
}
