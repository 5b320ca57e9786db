// Seals and opens tokens of our own with Go's crypto/hpke, which knows nothing of our code.
//
// It reads one request per line from standard input and answers each with a line:
//
//	seal PRIVATE SECTION SERIAL PLAINTEXT   a token for the key's public half
//	open PRIVATE SECTION TOKEN              the plaintext, or "refused"
//
// Keys and plaintexts are hexadecimal; "-" stands for an empty plaintext.
package main

import (
	"bufio"
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

const prefix = "bakehouse-hpke"

func aad(section string, serial uint64) []byte {
	out := []byte("bakehouse contract token\x00" + section + "\x00")
	return binary.BigEndian.AppendUint64(out, serial)
}

func privateKey(text string) (hpke.PrivateKey, error) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, err
	}
	key, err := ecdh.X25519().NewPrivateKey(raw)
	if err != nil {
		return nil, err
	}
	return hpke.NewDHKEMPrivateKey(key)
}

func seal(key hpke.PrivateKey, section, serial, plaintext string) (string, error) {
	number, err := strconv.ParseUint(serial, 10, 64)
	if err != nil {
		return "", err
	}
	plain, err := hex.DecodeString(strings.TrimPrefix(plaintext, "-"))
	if err != nil {
		return "", err
	}
	enc, sender, err := hpke.NewSender(key.PublicKey(), hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), nil)
	if err != nil {
		return "", err
	}
	ciphertext, err := sender.Seal(aad(section, number), plain)
	if err != nil {
		return "", err
	}
	body := base64.StdEncoding.EncodeToString(bytes.Join([][]byte{enc, ciphertext}, nil))
	return fmt.Sprintf("%s.%d.%s", prefix, number, body), nil
}

func open(key hpke.PrivateKey, section, token string) (string, error) {
	fields := strings.Split(token, ".")
	if len(fields) != 3 || fields[0] != prefix {
		return "", errors.New("not a token")
	}
	number, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil {
		return "", err
	}
	body, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil {
		return "", err
	}
	if len(body) < 32 {
		return "", errors.New("too short")
	}
	recipient, err := hpke.NewRecipient(body[:32], key, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), nil)
	if err != nil {
		return "", err
	}
	plain, err := recipient.Open(aad(section, number), body[32:])
	if err != nil {
		return "", err
	}
	if len(plain) == 0 {
		return "-", nil
	}
	return hex.EncodeToString(plain), nil
}

func answer(fields []string) (string, error) {
	if len(fields) < 4 {
		return "", errors.New("a request has four or five words")
	}
	key, err := privateKey(fields[1])
	if err != nil {
		return "", err
	}
	switch {
	case fields[0] == "seal" && len(fields) == 5:
		return seal(key, fields[2], fields[3], fields[4])
	case fields[0] == "open" && len(fields) == 4:
		plain, err := open(key, fields[2], fields[3])
		if err != nil {
			return "refused", nil
		}
		return plain, nil
	}
	return "", errors.New("an unknown request")
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		line, err := answer(strings.Fields(lines.Text()))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(line)
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
