package main

import (
	"fmt"
	"os"

	"rollcall/internal/web"
)

// platform is the brand that the flags give. Its errors name the flags.
func (n *Node) platform() (*web.Platform, error) {
	if _, err := web.NewPlatform(n.BrandName, "", nil); err != nil {
		return nil, fmt.Errorf("--brand-name: %w", err)
	}
	if _, err := web.NewPlatform("", n.BrandColour, nil); err != nil {
		return nil, fmt.Errorf("--brand-colour: %w", err)
	}
	var logo []byte
	if n.BrandLogo != "" {
		var err error
		if logo, err = os.ReadFile(n.BrandLogo); err == nil && len(logo) == 0 {
			err = fmt.Errorf("%s is empty", n.BrandLogo)
		}
		if err != nil {
			return nil, fmt.Errorf("--brand-logo: %w", err)
		}
	}
	p, err := web.NewPlatform(n.BrandName, n.BrandColour, logo)
	if err != nil {
		return nil, fmt.Errorf("--brand-logo: %w", err)
	}
	return p, nil
}
