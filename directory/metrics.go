package directory

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	conflicts prometheus.Counter
	used      prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		conflicts: prometheus.NewCounter(prometheus.CounterOpts{Name: "rollcall_directory_lost_races_total",
			Help: "Changes that were run again because another one was faster."}),
		used: prometheus.NewGauge(prometheus.GaugeOpts{Name: "rollcall_store_quota_ratio",
			Help: "Share of the store's quota that its file takes."}),
	}
	if r != nil {
		r.MustRegister(m.conflicts, m.used)
	}
	return m
}
