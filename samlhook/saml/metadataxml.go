package saml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	crewjam "github.com/crewjam/saml"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

const (
	// MaxMetadataBytes caps the metadata of one identity provider. Real ones have 2–40 KB; a file of megabytes is that
	// of a whole federation.
	MaxMetadataBytes = 1 << 20

	// maxMetadataDepth bounds the nesting of elements: real metadata has about 8 levels.
	maxMetadataDepth = 64
)

// entity is an EntityDescriptor with the validUntil of the lists that it stands in.
type entity struct {
	*crewjam.EntityDescriptor
	within []*time.Time
}

// readEntities reads all entities of a document. The library's types decode them; what they leave open is checked
// before: size, encoding, depth, that there is one element and no document type declaration.
func readEntities(data []byte) ([]entity, error) {
	if len(data) > MaxMetadataBytes {
		return nil, fmt.Errorf("it is larger than %d bytes; give that of one identity provider, not of a federation",
			MaxMetadataBytes)
	}
	data, err := MetadataText(data)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("it is empty")
	}
	if isWebPage(data) {
		return nil, errors.New("it is a web page, not metadata; give the address that serves the metadata itself")
	}
	root, err := rootOf(data)
	if err != nil {
		return nil, err
	}

	// Its root says what the document is.
	var one crewjam.EntityDescriptor
	var list crewjam.EntitiesDescriptor
	switch {
	case root == xml.Name{Space: nsMetadata, Local: "EntityDescriptor"}:
		err = newDecoder(data).Decode(&one)
		list.EntityDescriptors = []crewjam.EntityDescriptor{one}
	case root == xml.Name{Space: nsMetadata, Local: "EntitiesDescriptor"}:
		err = newDecoder(data).Decode(&list)
	default:
		return nil, fmt.Errorf("its root is %s, not md:EntityDescriptor", Clip(root.Local))
	}
	if err != nil {
		return nil, fmt.Errorf("it is not SAML metadata (%s)", Clip(err.Error()))
	}
	return flatten(&list, nil), nil
}

// isWebPage reports whether a document begins as HTML does, which is seldom well-formed XML.
func isWebPage(data []byte) bool {
	for {
		data = bytes.TrimSpace(data)
		end := "-->"
		switch {
		case bytes.HasPrefix(data, []byte("<?")):
			end = "?>"
		case !bytes.HasPrefix(data, []byte("<!--")):
			start := strings.ToLower(string(data[:min(len(data), 16)]))
			name, isDoctype := strings.CutPrefix(start, "<!doctype")
			if isDoctype {
				return strings.HasPrefix(strings.TrimSpace(name), "html")
			}
			for _, tag := range []string{"<html", "<head", "<body", "<script", "<title", "<meta"} {
				after, ok := strings.CutPrefix(start, tag)
				if ok && (after == "" || strings.ContainsAny(after[:1], " \t\r\n>/")) {
					return true
				}
			}
			return false
		}
		_, rest, ok := bytes.Cut(data, []byte(end))
		if !ok {
			return false
		}
		data = rest
	}
}

// flatten lists the entities of a list and of those in it.
func flatten(list *crewjam.EntitiesDescriptor, within []*time.Time) []entity {
	within = append(within[:len(within):len(within)], list.ValidUntil)
	var all []entity
	for i := range list.EntityDescriptors {
		all = append(all, entity{&list.EntityDescriptors[i], within})
	}
	for i := range list.EntitiesDescriptors {
		all = append(all, flatten(&list.EntitiesDescriptors[i], within)...)
	}
	return all
}

// rootOf passes over the whole document and returns the name of its one element.
func rootOf(data []byte) (xml.Name, error) {
	var root xml.Name
	depth, d := 0, newDecoder(data)
	for { // until the end, so that all of it is well-formed
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return root, fmt.Errorf("it is not well-formed XML (%s)", Clip(err.Error()))
		}
		switch token := token.(type) {
		case xml.Directive:
			return root, errors.New("it holds a document type declaration")
		case xml.StartElement:
			if depth == 0 && root != (xml.Name{}) {
				return root, errors.New("it holds more than one XML document")
			}
			if depth++; depth > maxMetadataDepth {
				return root, fmt.Errorf("its elements are nested deeper than %d", maxMetadataDepth)
			}
			if depth == 1 {
				root = token.Name
			}
		case xml.EndElement:
			depth--
		}
	}
	if root == (xml.Name{}) {
		return root, errors.New("it holds no XML element")
	}
	return root, nil
}

// newDecoder reads text that is UTF-8 by now, whatever its declaration says.
func newDecoder(data []byte) *xml.Decoder {
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	return d
}

// MetadataText is metadata in UTF-8: AD FS saves it in UTF-16 now and then. It returns an error for a text that is
// neither.
func MetadataText(data []byte) ([]byte, error) {
	data, _, err := transform.Bytes(unicode.BOMOverride(unicode.UTF8.NewDecoder()), data)
	if err != nil {
		return nil, errors.New("it is not UTF-8 or UTF-16")
	}
	return data, nil
}
