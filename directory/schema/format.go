package schema

import (
	"encoding/asn1"
	"encoding/base64"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/language"
)

// format judges the text of a string, reference, number or binary beyond its type and says what is wrong; "" if nothing
// is. What real clients get wrong is refused only if strict.
type format func(text string, strict bool) (problem string)

// formats are the rules of built-in types beyond RFC 7643 §7's characteristics.
var formats = map[string]map[string]format{
	UserType: {
		"userName":               plainText,
		"preferredLanguage":      acceptLanguage,
		"locale":                 languageTag,
		"addresses.country":      country,
		"x509Certificates.value": certificate,
	},
	OrganizationType: {
		"name":                       organizationName,
		"domains.value":              domainName,
		"redirectTargets":            absoluteURL,
		"budget.resources":           between(1, 100_000_000),
		"budget.bytes":               between(1<<20, 1<<40),
		"retention.events":           between(1, 1_000_000),
		"retention.accessEvents":     between(1, 1_000_000),
		"retention.accessDays":       between(1, 36500),
		"retention.signIns":          between(1, 1_000_000),
		"retention.days":             between(1, 3650),
		"retention.deletedUsersDays": between(1, 36500),
	},
	IdentityProviderType: {
		"metadataUrl":      absoluteURL,
		"idp.ssoUrl":       absoluteURL,
		"clockSkewSeconds": between(0, 600),
		"sessionMinutes":   between(1, 60*24*365),
		"domains":          domainName,
	},
	SchemaDefinitionType: {
		"urn": matching(schemaURNs, schemaURNProblem),
	},
	ResourceTypeDefinitionType: {
		"name":     matching(typeNames, typeNameProblem),
		"endpoint": matching(typeEndpoints, typeEndpointProblem),
	},
}

var (
	organizationName = matching(regexp.MustCompile(`^[a-z0-9-]{1,63}$`),
		"must be 1 to 63 lower-case letters, digits and hyphens")
	domainName = matching(regexp.MustCompile(`(?i)^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$`),
		"must be a domain name, such as example.com")
)

func matching(re *regexp.Regexp, problem string) format {
	return func(text string, _ bool) string {
		if re.MatchString(text) {
			return ""
		}
		return problem
	}
}

func between(low, high int64) format {
	problem := "must be from " + strconv.FormatInt(low, 10) + " to " + strconv.FormatInt(high, 10)
	return func(text string, _ bool) string {
		if n, err := strconv.ParseInt(text, 10, 64); err != nil || n < low || n > high {
			return problem
		}
		return ""
	}
}

func plainText(text string, _ bool) string {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return "must not contain control characters"
	}
	return ""
}

func absoluteURL(text string, _ bool) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "must be an absolute http or https URL"
	}
	return ""
}

// country demands ISO 3166-1 alpha-2 (RFC 7643 §4.1.2), if strict: directories also have "USA" and "Germany", and their
// clients send what they have.
func country(text string, strict bool) string {
	if !strict {
		return ""
	}
	r, err := language.ParseRegion(text)
	if err != nil || !r.IsCountry() || len(text) != 2 || text != strings.ToUpper(text) {
		return "must be an ISO 3166-1 alpha-2 country code, such as US"
	}
	return ""
}

func languageTag(text string, strict bool) string {
	if _, err := language.Parse(text); strict && err != nil {
		return "must be a language tag, such as en-US"
	}
	return ""
}

func acceptLanguage(text string, strict bool) string {
	if _, _, err := language.ParseAcceptLanguage(text); strict && err != nil {
		return "must have the form of an Accept-Language header, such as en-US, de;q=0.5"
	}
	return ""
}

// certificate demands exactly one DER value (RFC 7643 §4.1.2): a SEQUENCE, by the identifier octet's class, number and
// form (X.690 §8.1.2), whose length ends where the bytes end. Nothing in it is looked at. Test clients send arbitrary
// base64, so what is no SEQUENCE is refused only if strict; bytes after one are refused always.
func certificate(text string, strict bool) string {
	der, ok := decodeBase64(text)
	if !ok {
		return "" // refused as binary
	}
	var value asn1.RawValue
	rest, err := asn1.Unmarshal(der, &value)
	sequence := err == nil && value.Class == asn1.ClassUniversal && value.Tag == asn1.TagSequence && value.IsCompound
	if sequence && len(rest) > 0 {
		return "must contain only one certificate"
	}
	if strict && !sequence {
		return "must be one DER certificate in base64"
	}
	return ""
}

// decodeBase64 reads RFC 4648 §4 with or without padding (RFC 7643 §2.3.6).
func decodeBase64(s string) ([]byte, bool) {
	data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	badPadding := strings.HasSuffix(s, "=") && len(s)%4 != 0 || strings.HasSuffix(s, "===")
	if err != nil || badPadding || strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	return data, true
}

// reference demands a URI, absolute or relative (RFC 7643 §2.3.7).
func reference(a *Attribute, s string, strict bool) string {
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return "must be a URI"
	}
	u, err := url.Parse(s)
	if err != nil {
		return "must be a URI"
	}
	if strict && !u.IsAbs() && len(a.ReferenceTypes) == 1 && a.ReferenceTypes[0] == "external" {
		return "must be an absolute URI"
	}
	return ""
}
