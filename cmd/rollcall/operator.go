package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// minOperatorToken is how short an operator's token may be: it may do everything, and nobody counts wrong guesses.
const minOperatorToken = 20

// operator is the operator's token. file names where it was made just now; "" otherwise.
func (n *Node) operator(d *dataDir) (token, file string, err error) {
	if n.OperatorToken != "" {
		if err := checkOperatorToken(n.OperatorToken); err != nil {
			return "", "", fmt.Errorf("ROLLCALL_OPERATOR_TOKEN: %w", err)
		}
		return n.OperatorToken, "", nil
	}
	path := d.file("operator.token")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		token := "operator-" + rand.Text()
		return token, path, writeSecret(path, token)
	}
	if err != nil {
		return "", "", err
	}
	token = strings.TrimSpace(string(text))
	if err := checkOperatorToken(token); err != nil {
		return "", "", fmt.Errorf("%s: %w", path, err)
	}
	return token, "", nil
}

// checkOperatorToken holds that the token can be sent (RFC 6750 §2.1) and not be guessed.
func checkOperatorToken(token string) error {
	if len(token) < minOperatorToken {
		return fmt.Errorf("the token has %d characters; it needs at least %d", len(token), minOperatorToken)
	}
	for _, c := range token {
		if c <= ' ' || c > '~' {
			return errors.New("the token may hold visible ASCII characters only")
		}
	}
	return nil
}
