package blobs

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

func (s *Store) write(w http.ResponseWriter, r *http.Request, account, path string) *failure {
	if f := s.authorize(account, path, r.URL.Query(), "wca"); f != nil {
		return f
	}
	if r.ContentLength < 0 {
		return fail(411, "MissingContentLengthHeader", "The Content-Length header was not specified.")
	}
	if v := r.Header.Get("x-ms-version"); v != "" { // without one the signature's version counts
		if _, err := time.Parse(time.DateOnly, v); err != nil {
			return fail(400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format: x-ms-version.")
		}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil || len(body) > maxBody {
		return fail(413, "RequestBodyTooLarge", "The request body is too large and exceeds the maximum permissible limit.")
	}
	b, complete, f := s.change(Operation(r), r, account, path, body)
	if f != nil {
		return f
	}
	w.Header().Set("ETag", fmt.Sprintf(`"0x%X"`, b.Version))
	w.Header().Set("Last-Modified", b.Modified.UTC().Format(http.TimeFormat))
	w.WriteHeader(http.StatusCreated)
	if complete {
		s.written(r.Context(), b)
	}
	return nil
}

// change applies a write. Complete says that the blob now holds something to look at.
func (s *Store) change(operation string, r *http.Request, account, path string, body []byte) (_ Blob, complete bool, f *failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if operation == "blob.put" {
		b, f := s.putNew(r, account, path, body)
		if f != nil {
			return Blob{}, false, f
		}
		return b.Blob, b.Kind == Block, nil
	}
	b, ok := s.blobs[account+"/"+path]
	if !ok && (operation == "blob.block" || operation == "blob.blocklist") {
		b = &stored{Blob: Blob{Account: account, Path: path, Kind: Block}} // Version 0: nothing is committed
		s.blobs[account+"/"+path] = b
		ok = true
	}
	switch {
	case !ok:
		return Blob{}, false, fail(404, "BlobNotFound", "The specified blob does not exist.")
	case operation == "blob.page":
		f = s.writePages(b, r, body)
	case operation == "blob.appendblock":
		f = s.appendBlock(b, body)
	case operation == "blob.block":
		f = putBlock(b, r, body)
		return b.Blob, false, f
	case operation == "blob.blocklist":
		f = s.commit(b, body)
	}
	return b.Blob, true, f
}

func (s *Store) putNew(r *http.Request, account, path string, body []byte) (*stored, *failure) {
	kind := Kind(r.Header.Get("x-ms-blob-type"))
	switch kind {
	case Block:
		b := s.create(account, path, Block)
		b.Data = body
		return b, nil
	case Append:
		return s.create(account, path, Append), nil
	case Page:
		size, err := strconv.ParseInt(r.Header.Get("x-ms-blob-content-length"), 10, 64)
		if err != nil || size < 0 || size%512 != 0 || size > maxBody {
			return nil, fail(400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format: x-ms-blob-content-length.")
		}
		if len(body) > 0 {
			return nil, fail(400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format: Content-Length.")
		}
		b := s.create(account, path, Page)
		b.Data = make([]byte, size)
		return b, nil
	case "":
		return nil, fail(400, "MissingRequiredHeader", "An HTTP header that's mandatory for this request is not specified: x-ms-blob-type.")
	}
	return nil, fail(400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format: x-ms-blob-type.")
}

func (s *Store) writePages(b *stored, r *http.Request, body []byte) *failure {
	if b.Kind != Page {
		return fail(409, "InvalidBlobType", "The blob type is invalid for this operation.")
	}
	text := r.Header.Get("x-ms-range")
	if text == "" {
		text = r.Header.Get("Range")
	}
	var from, to int
	if _, err := fmt.Sscanf(text, "bytes=%d-%d", &from, &to); err != nil || from%512 != 0 || (to+1)%512 != 0 || from > to {
		return fail(416, "InvalidPageRange", "The page range specified is invalid.")
	}
	if to >= len(b.Data) {
		return fail(416, "InvalidPageRange", "The page range specified is invalid.")
	}
	update := strings.ToLower(r.Header.Get("x-ms-page-write"))
	data := bytes.Clone(b.Data) // snapshots of it are around
	switch {
	case update == "update" && len(body) == to-from+1 && len(body) <= 4<<20:
		copy(data[from:], body)
	case update == "clear" && len(body) == 0:
		clear(data[from : to+1])
	default:
		return fail(400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format: x-ms-page-write.")
	}
	b.Data = data
	s.touch(b)
	return nil
}

func (s *Store) appendBlock(b *stored, body []byte) *failure {
	if b.Kind != Append {
		return fail(409, "InvalidBlobType", "The blob type is invalid for this operation.")
	}
	b.Data = append(bytes.Clone(b.Data), body...)
	s.touch(b)
	return nil
}

func putBlock(b *stored, r *http.Request, body []byte) *failure {
	id := r.URL.Query().Get("blockid")
	if _, err := base64.StdEncoding.DecodeString(id); err != nil || id == "" {
		return fail(400, "InvalidQueryParameterValue", "Value for one of the query parameters specified in the request URI is invalid: blockid.")
	}
	if b.blocks == nil {
		b.blocks = map[string][]byte{}
	}
	b.blocks[id] = body
	return nil
}

func (s *Store) commit(b *stored, body []byte) *failure {
	var list struct {
		XMLName xml.Name `xml:"BlockList"`
		Blocks  []struct {
			XMLName xml.Name
			ID      string `xml:",chardata"`
		} `xml:",any"`
	}
	if err := xml.Unmarshal(body, &list); err != nil {
		return fail(400, "InvalidXmlDocument", "XML specified is not syntactically valid.")
	}
	var data []byte
	for _, x := range list.Blocks {
		block, ok := b.blocks[x.ID]
		if !ok {
			return fail(400, "InvalidBlockList", "The specified block list is invalid.")
		}
		data = append(data, block...)
	}
	b.Data, b.Kind, b.blocks = data, Block, nil
	s.touch(b)
	return nil
}
