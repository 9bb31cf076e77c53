'use strict';

// Fastify, Twilio's validator, ioredis: one script call for each request remembers the events' ids
// and appends what is new to a stream.
const fastify = require('fastify');
const Redis = require('ioredis');
const twilio = require('twilio');
const { port, redis: options, token, publicUrl, bodyMax } = require('./settings');

const ACCEPT = `
local new = 0
for i = 2, #KEYS do
  if redis.call('SET', KEYS[i], '1', 'NX', 'EX', 86400) then
    redis.call('XADD', KEYS[1], '*', 'event', ARGV[i - 1])
    new = new + 1
  end
end
return new`;

const redis = new Redis(options);
redis.defineCommand('accept', { lua: ACCEPT });

const accept = (ids, bodies) =>
  redis.accept(ids.length + 1, 'events', ...ids.map((id) => `seen:${id}`), ...bodies);

const app = fastify({ logger: false, bodyLimit: bodyMax });
app.register(require('@fastify/formbody'));
app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
  done(null, body);
});

app.post('/webhooks/taskrouter', async (request, reply) => {
  const signature = request.headers['x-twilio-signature'] ?? '';
  if (!twilio.validateRequest(token, signature, publicUrl + request.url, request.body)) {
    return reply.code(403).send();
  }
  await accept([request.body.Sid], [JSON.stringify(request.body)]);
  return reply.code(204).send();
});

app.post('/webhooks/event-streams', async (request, reply) => {
  const signature = request.headers['x-twilio-signature'] ?? '';
  const url = publicUrl + request.url;
  if (!twilio.validateRequestWithBody(token, signature, url, request.body)) {
    return reply.code(403).send();
  }
  const events = JSON.parse(request.body);
  await accept(events.map((event) => event.id), events.map((event) => JSON.stringify(event)));
  return reply.code(204).send();
});

app.listen({ port, host: '127.0.0.1' });
