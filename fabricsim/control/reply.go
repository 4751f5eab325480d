package control

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"time"
)

// waiting bounds a long poll by ?wait=, at most maxWait; without it there is no waiting.
func waiting(r *http.Request) (context.Context, context.CancelFunc) {
	d, err := time.ParseDuration(r.FormValue("wait"))
	if err != nil || d < 0 {
		d = 0
	}
	return context.WithTimeout(r.Context(), min(d, maxWait))
}

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		reply(w, nil, err)
		return false
	}
	return true
}

func reply(w http.ResponseWriter, v any, err error) {
	if err != nil {
		status := http.StatusBadRequest
		if errors.Is(err, fs.ErrNotExist) {
			status = http.StatusNotFound
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(Error{err.Error()}) //nolint:errcheck // the client may have gone
		return
	}
	if v == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) //nolint:errcheck // the client may have gone
}

// replyVM answers with a VM that was just changed.
func replyVM(w http.ResponseWriter, b Backend, id string, err error) {
	if err != nil {
		reply(w, nil, err)
		return
	}
	vm, err := b.WaitVM(context.Background(), id, -1)
	reply(w, vm, err)
}

func replyBytes(w http.ResponseWriter, data []byte, err error) {
	if err != nil {
		reply(w, nil, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Write(data) //nolint:errcheck // the client may have gone
}
