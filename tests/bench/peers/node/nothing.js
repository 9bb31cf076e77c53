'use strict';

// Node's http module alone: reads the body, drops it, answers 204.
const http = require('http');
const { port } = require('./settings');

http.createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.statusCode = 204;
    response.end();
  });
}).listen(port, '127.0.0.1');
