// Prints what kstatus, by its reference library, makes of each object: JSON lines in, JSON lines out.
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

const longest = 16 << 20 // bytes of one object

type answer struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, longest)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(lines.Bytes()); err != nil {
			log.Fatalf("not an object: %v", err)
		}
		result, err := status.Compute(object)
		if err != nil {
			log.Fatalf("kstatus cannot judge %s %s: %v", object.GetKind(), object.GetName(), err)
		}
		if err := out.Encode(answer{Status: string(result.Status), Message: result.Message}); err != nil {
			log.Fatal(err)
		}
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
}
