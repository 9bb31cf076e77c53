'use strict';

// Express 5, Twilio's middleware, BullMQ: one job for each event, the event's SID is the job's id,
// so that an event that comes twice is one job.
const express = require('express');
const twilio = require('twilio');
const { Queue } = require('bullmq');
const { port, redis, token, publicUrl, bodyMax } = require('./settings');

const queue = new Queue('flex', { connection: redis });
const app = express();
app.disable('x-powered-by');
app.disable('etag');

const jobOf = (data, id) => ({ name: 'event', data, opts: { jobId: id, removeOnComplete: true } });

app.post(
  '/webhooks/taskrouter',
  express.urlencoded({ extended: false, limit: bodyMax }),
  twilio.webhook({ url: `${publicUrl}/webhooks/taskrouter` }, token),
  async (request, response) => {
    const { name, data, opts } = jobOf(request.body, request.body.Sid);
    await queue.add(name, data, opts);
    response.sendStatus(204);
  });

// The middleware wants the bytes it hashes as a text.
app.post(
  '/webhooks/event-streams',
  express.text({ type: 'application/json', limit: bodyMax }),
  async (request, response) => {
    const url = publicUrl + request.originalUrl;
    const signature = request.get('X-Twilio-Signature') ?? '';
    if (!twilio.validateRequestWithBody(token, signature, url, request.body)) {
      response.sendStatus(403);
      return;
    }
    await queue.addBulk(JSON.parse(request.body).map((event) => jobOf(event, event.id)));
    response.sendStatus(204);
  });

app.listen(port, '127.0.0.1');
