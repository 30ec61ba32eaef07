package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"rollcall/directory"
	"rollcall/directory/embedded"
)

// registerStoreMetrics adds what tells an operator to act: their help says how. etcd is nil for a cluster.
func registerStoreMetrics(r *prometheus.Registry, store *directory.Store, etcd *embedded.Etcd) {
	gauge := func(name, help string, value func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("rollcall_store_writable", "1 while everything may be written. 0: only deletion, or only reading, "+
		"is accepted; /readyz says why, and what to do.", func() float64 { return number(store.Writable() == nil) })
	if etcd == nil {
		return
	}
	gauge("rollcall_store_disk_failed", "1 while the disk of the embedded etcd has failed: resources are read "+
		"from memory and nothing is written. Make room; the service then starts over by itself.",
		func() float64 { return number(etcd.Failed() != nil) })
	gauge("rollcall_store_disk_free_bytes", "What is free on the disk of the embedded etcd; -1 if that is unknown. "+
		"Make room before it falls below rollcall_store_disk_reserve_bytes: then only what takes away is accepted.",
		func() float64 { free, _ := etcd.Free(); return float64(free) })
	gauge("rollcall_store_disk_reserve_bytes", "What has to be free on the disk of the embedded etcd.",
		func() float64 { _, need := etcd.Free(); return float64(need) })
}

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
