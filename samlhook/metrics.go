package samlhook

import (
	"github.com/prometheus/client_golang/prometheus"

	"rollcall/samlhook/saml"
)

type metrics struct {
	attempts      *prometheus.CounterVec
	verifications prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rollcall_sign_ins_total", Help: "Sign-in attempts by outcome and reason.",
		}, []string{"outcome", "reason"}),
		verifications: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "rollcall_saml_verification_seconds", Help: "How long the verification of a SAML response took.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25},
		}),
	}
	if r != nil {
		r.MustRegister(m.attempts, m.verifications)
	}
	return m
}

// count counts an attempt and puts what came of it into the request's log line.
func (x *exchange) count(outcome Outcome, reason saml.Reason) {
	x.outcome, x.reason = outcome, reason
	x.metrics.attempts.WithLabelValues(string(outcome), string(reason)).Inc()
}
