'use strict';

// What every peer is told, see ../../ingest/contestants.py.
module.exports = {
  port: Number(process.env.PORT),
  redis: { path: process.env.REDIS_SOCKET },
  token: process.env.TWILIO_AUTH_TOKEN,
  publicUrl: process.env.PUBLIC_URL,
  bodyMax: 4 * 1024 * 1024,
};
