// A program around IBM's contract-go: one job a line of JSON on standard input, one answer a line on standard output.
//
// It adds nothing of its own: an answer is what contract-go returned, or its error. What is bytes and not text (a signature)
// is base64 in a job.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"

	"github.com/ibm-hyper-protect/contract-go/v2/attestation"
	"github.com/ibm-hyper-protect/contract-go/v2/contract"
	"github.com/ibm-hyper-protect/contract-go/v2/network"
)

// The widest line is a contract of the largest size, encoded twice.
const longestLine = 64 << 20

type job struct {
	Do           string `json:"do"`
	Text         string `json:"text"`
	OS           string `json:"os"`
	Section      string `json:"section"`
	Certificate  string `json:"certificate"`
	Key          string `json:"key"`
	Passphrase   string `json:"passphrase"`
	Authority    string `json:"authority"`
	AuthorityKey string `json:"authority_key"`
	Request      string `json:"request"`
	Days         int    `json:"days"`
	Signature    string `json:"signature"`
}

type answer struct {
	Result string `json:"result"`
	Error  string `json:"error,omitempty"`
}

func do(j job) (result string, err error) {
	// contract-go panics on a section that is no text.
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v", reason)
		}
	}()
	switch j.Do {
	case "encrypt-text":
		result, _, _, err = contract.HpcrTextEncrypted(j.Text, j.OS, "", j.Certificate)
	case "decrypt-text":
		result, _, _, err = contract.HpcrTextDecrypted(j.Text, j.Key, j.Passphrase)
	case "contract":
		result, _, _, err = contract.HpcrContractSignedEncrypted(j.Text, j.OS, "", j.Certificate, j.Key, j.Passphrase)
	case "contract-expiry":
		result, _, _, err = contract.HpcrContractSignedEncryptedContractExpiry(
			j.Text, j.OS, "", j.Certificate, j.Key, j.Passphrase, j.Authority, j.AuthorityKey, j.Request, "", j.Days)
	case "sign":
		result, _, _, err = contract.HpcrContractSign(j.Text, j.Key, j.Passphrase)
	case "verify-contract":
		err = contract.HpcrVerifyContract(j.Text, j.OS, j.Section)
	case "verify-network":
		err = network.HpcrVerifyNetworkConfig(j.Text)
	case "archive":
		result, _, _, err = contract.HpcrTgz(j.Text)
	case "attestation":
		result, err = attestation.HpcrGetAttestationRecords(j.Text, j.Key, j.Passphrase)
	case "verify-attestation":
		var signature []byte
		if signature, err = base64.StdEncoding.DecodeString(j.Signature); err == nil {
			err = attestation.HpcrVerifySignatureAttestationRecords(j.Text, string(signature), j.Certificate)
		}
	default:
		err = fmt.Errorf("no job is called %q", j.Do)
	}
	return result, err
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, longestLine)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var j job
		var a answer
		err := json.Unmarshal(lines.Bytes(), &j)
		if err == nil {
			a.Result, err = do(j)
		}
		if err != nil {
			a.Error = err.Error()
		}
		if err := answers.Encode(a); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
