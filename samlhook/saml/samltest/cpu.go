package samltest

import (
	"syscall"
	"testing"
	"time"
)

// CPU is the processor time that this process has used.
func CPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// ReportCPU reports the processor time since begin for each turn of a benchmark's loop. Beside other work on the
// machine, it tells more than the time that passed.
func ReportCPU(b *testing.B, begin time.Duration) {
	b.ReportMetric(float64((CPU()-begin).Microseconds())/float64(b.N)/1000, "cpu-ms/op")
}
