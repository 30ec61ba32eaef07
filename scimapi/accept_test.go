package scimapi

import "testing"

func TestAccepts(t *testing.T) {
	const own, plain = "application/scim+json", "application/json"
	for _, c := range []struct {
		name, header, want string
	}{
		{"R7644-3.8-02", own, own},
		{"R7644-3.8-03", plain, plain},
		{"R7644-3.8-04 anything", "*/*", own},
		{"with a charset", "application/json; charset=utf-8", plain},
		{"both alike", "application/json, application/scim+json", own},
		{"plain preferred", "application/scim+json;q=0.5, application/json", plain},
		{"plain refused", "application/json;q=0, */*", own},
		{"R9110-15.5.7-01 cannot be met", "image/png", own},
		{"browser", "text/html,application/xhtml+xml,*/*;q=0.8", own},
		{"malformed quality", "application/json;q=x", own},
	} {
		if got := accepts([]string{c.header}); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if got := accepts(nil); got != own {
		t.Errorf("no header: %s", got)
	}
}

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"gzip": true, "deflate, GZIP;q=0.5": true, "gzip;q=0": false, "": false, "br": false, "identity": false,
	} {
		if got := acceptsGzip([]string{header}); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}
