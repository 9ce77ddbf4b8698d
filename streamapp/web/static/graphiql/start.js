// GraphiQL on this server's /graphql. What is written under "Headers" also goes with the first message of a connection.
"use strict";

const scheme = location.protocol === "https:" ? "wss:" : "ws:";
const first = `# Everything that the platform knows. The documentation is behind the book, Ctrl+Space completes.
{
  images(limit: 5) {
    images {
      imageId
      label
      verdict { consensus agreement }
      predictions { model prediction confidence inferenceMs }
    }
    next
  }
}
`;

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({
      url: "/graphql",
      subscriptionUrl: `${scheme}//${location.host}/graphql`,
    }),
    defaultQuery: first,
    shouldPersistHeaders: false, // keys are not left in the browser
  }),
);
