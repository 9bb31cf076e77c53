// The Go peer: net/http and redigo. A script call for each request remembers the event's SID and
// appends the body to a stream when it is new.
package main

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"
)

const (
	bodyMax     = 4 << 20
	connections = 64
)

var accept = redis.NewScript(2, `
if redis.call('SET', KEYS[2], '1', 'NX', 'EX', 86400) then
  redis.call('XADD', KEYS[1], '*', 'event', ARGV[1])
  return 1
end
return 0`)

type server struct {
	token     []byte
	publicURL string
	pool      *redis.Pool
}

// isSigned: HMAC-SHA1 over the URL and the sorted names and values.
func (s *server) isSigned(path, signature string, form url.Values) bool {
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	sort.Strings(names)
	var text strings.Builder
	text.WriteString(s.publicURL)
	text.WriteString(path)
	for _, name := range names {
		for _, value := range form[name] {
			text.WriteString(name)
			text.WriteString(value)
		}
	}
	mac := hmac.New(sha1.New, s.token)
	io.WriteString(mac, text.String())
	given, err := base64.StdEncoding.DecodeString(signature)
	return err == nil && hmac.Equal(given, mac.Sum(nil))
}

func (s *server) handle(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if !s.isSigned(r.RequestURI, r.Header.Get("X-Twilio-Signature"), form) {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	connection := s.pool.Get()
	defer connection.Close()
	if _, err = accept.Do(connection, "events", "seen:"+form.Get("Sid"), body); err != nil {
		log.Print(err)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func main() {
	socket := os.Getenv("REDIS_SOCKET")
	s := &server{
		token:     []byte(os.Getenv("TWILIO_AUTH_TOKEN")),
		publicURL: os.Getenv("PUBLIC_URL"),
		pool: &redis.Pool{
			MaxIdle: connections, MaxActive: connections, Wait: true,
			IdleTimeout: time.Minute,
			Dial:        func() (redis.Conn, error) { return redis.Dial("unix", socket) },
		},
	}
	http.HandleFunc("/webhooks/taskrouter", s.handle)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
