package scimapi_test

import (
	"os"
	"testing"

	"rollcall/directory/directorytest"
)

func TestMain(m *testing.M) {
	if os.Getenv(loadVariable) != "" { // this process is the load generator of a benchmark
		generateLoad()
		return
	}
	directorytest.Main(m)
}
